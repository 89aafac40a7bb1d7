### Texts of the pages, English. Every key here is in de.ftl too. Plain text: markup would be shown as it is.
### Texts of others ($client, $host, …) are isolated in their direction when they are put in.

## Common

title-error = Problem: { $title }
request-id = Request { $trace }
back-to = Back to { $client }
close-page = You can close this page.
new-window = (opens a new window)
year-date =
    { $day } { $month ->
        [1] January
        [2] February
        [3] March
        [4] April
        [5] May
        [6] June
        [7] July
        [8] August
        [9] September
        [10] October
        [11] November
       *[12] December
    } { $year }
year-date-time = { $date }, { $time } UTC
ago-now = just now
ago-minutes =
    { $count ->
        [one] one minute ago
       *[other] { $count } minutes ago
    }
ago-hours =
    { $count ->
        [one] one hour ago
       *[other] { $count } hours ago
    }
ago-days =
    { $count ->
        [one] yesterday
       *[other] { $count } days ago
    }

## Sign in

sign-in-title = Sign in to your account
sign-in-title-client = Sign in to continue to { $client }
sign-in-title-confirm = Confirm that it is you
sign-in-about = You decide in the next step what { $host } may see.
sign-in-about-confirm = { $client } asks you to enter your password again.
sign-in-about-confirm-account = Please enter your password again to go on.
sign-in-username = E-mail or user name
sign-in-password = Password
sign-in-submit = Sign in
sign-in-submit-confirm = Confirm
sign-in-other-accounts = Use another account
sign-in-problem-credentials = That user name and password do not match an account. Please check both and try again.
sign-in-problem-too-many =
    { $wait ->
        [one] There were too many attempts. Please wait one second and try again.
       *[other] There were too many attempts. Please wait { $wait } seconds and try again.
    }
sign-in-problem-too-many-minutes =
    { $wait ->
        [one] There were too many attempts. Please wait one minute and try again.
       *[other] There were too many attempts. Please wait { $wait } minutes and try again.
    }
sign-in-problem-busy = The service is busy at the moment, and your password was not checked. Please try again shortly.

## Choose an account

select-account-title = Choose an account for { $client }
select-account-about = These accounts are signed in to this browser.
select-account-another = Use another account

## Consent

consent-title-identity = Tell { $client } who you are?
consent-title-api = Allow { $client } to use your { $api }?
consent-title-apis =
    { $count ->
        [one] Allow { $client } to use one service for you?
       *[other] Allow { $client } to use { $count } services for you?
    }
consent-who = Signed in as
consent-switch = Not you?
consent-group-identity = About you
consent-group-absence = When you are away
consent-new = new
consent-agreed = allowed before
consent-changed = What this application asks for has changed since you answered. Please look again.
consent-grown = You have allowed some of this before. What is new is marked.
consent-repeated = You have allowed all of this before.
scope-openid = Recognise you when you come back
scope-profile = See your name and profile
scope-email = See your e-mail address
scope-address = See your postal address
scope-phone = See your telephone number
scope-none = Use it, with no further rights
scope-unknown = Use a right named { $scope }
scope-offline-access = Keep doing so when you are away
consent-lasts-while-signed-in = This lasts until you sign out.
consent-lasts-until-disconnected = This lasts until you disconnect it on your account page.
consent-revoke = You can take this back at any time on your account page.
consent-returns-host = You will be sent back to { $at }.
consent-returns-this-computer = You will be sent back to an app on this computer ({ $at }). Allow this only if you have just started that app yourself.
consent-returns-app = You will be sent back to an app on this device ({ $at }).
consent-deny = Deny
consent-allow = Allow
consent-policy = Privacy
consent-terms = Terms

## Sent on by a form

form-post-title = Back to { $client }
form-post-about = You are being sent back. If nothing happens, go on with the button.
form-post-submit = Continue

## Sign out

logout-title = Sign out?
logout-about = You will be signed out here and in the applications that take part.
logout-about-client = { $client } asks to sign you out, here and in the applications that take part.
logout-everybody = All { $count } accounts that are signed in in this browser will be signed out:
logout-stay = Stay signed in
logout-submit = Sign out
signed-out-title = You are signed out
signed-out-about = Somebody else can use this browser now. Applications may stay open until you close them.
signed-out-sign-in = Sign in again
signed-out-one-title = That account is signed out
signed-out-one-about = Other accounts are still signed in in this browser.
signed-out-to-account = Go to your account

## Account

account-title = Your account
account-username = User name
account-sign-out = Sign out
account-applications = Connected applications
account-applications-about = What you have allowed, and to whom. Disconnecting takes it back.
account-applications-none = No application is connected. When you allow one to use your account, it appears here.
account-application-since = Connected { $when }
account-application-used = last used { $when }
account-application-unused = not used yet
account-may = What it may do
account-disconnect = Disconnect
account-disconnect-name = Disconnect: { $client }
account-sessions = Where you are signed in
account-sessions-about = If you do not recognise one of these, sign it out.
account-session-this = this one
account-session-seen = last seen { $when }
account-session-since = signed in { $when }
account-session-sign-out = Sign out
account-session-sign-out-name = Sign out: { $device }, { $address }
account-sign-out-others = Sign out all others
account-notice-disconnected = { $name } is disconnected.
account-notice-session-ended = That session is signed out.
account-notice-others-ended = All other sessions are signed out.
device-known = { $browser } on { $system }
device-browser = { $browser }
device-unknown = Unknown browser

## Errors

error-application = The application
error-developer = For the developer
error-reason = reason
error-parameter = parameter
error-received = received
error-registered = registered
error-none-registered = none is registered
error-remedy = To accept it:
error-differs-scheme = Another scheme.
error-differs-host = Another host.
error-differs-localhost = “localhost” and “127.0.0.1” are two different hosts.
error-differs-port = Another port.
error-differs-path = Another path.
error-differs-slash = A slash at the end makes the difference.
error-differs-case = Upper and lower case differ.
error-differs-query = Another query.
error-differs-fragment = A redirect URI must not have a fragment.
error-invalid_request-title = This sign-in cannot continue
error-invalid_request = { $application } sent a request that we cannot read. Nothing was shared. Go back and try again; if that does not help, tell its makers.
error-unknown_client-title = We do not know this application
error-unknown_client = The application that sent you here is not registered, or it has been switched off. Nothing was shared. Please tell its makers.
error-redirect_uri_missing-title = This sign-in cannot continue
error-redirect_uri_missing = { $application } did not say where to send you back to. Nothing was shared. Please tell its makers.
error-redirect_uri_mismatch-title = This sign-in cannot continue
error-redirect_uri_mismatch = { $application } asked us to send you to an address it has not registered. Nothing was shared. Please tell its makers.
error-page_expired-title = This page has expired
error-page_expired = You were away for too long, or you have already finished this in another tab. Nothing was lost: just start again.
error-other_browser-title = This page was not opened in this browser
error-other_browser = Please go on in the browser in which you started. If it was this one, allow cookies for this site and start again.
error-cross_site-title = This form did not come from us
error-cross_site = Another site seems to have sent a form for you, so we did nothing. If you meant to do it, start again.
error-access_denied-title = You may not use this
error-access_denied = Your account has no access here. Nothing was shared. If you think that it should, ask whoever runs this service.
error-invalid_logout-title = We did not sign you out
error-invalid_logout = { $application } sent a sign-out request that we cannot accept. You can sign out on your account page.
error-not_found-title = There is nothing here
error-not_found = The address is wrong or out of date. Go back to where you came from.
error-method_not_allowed-title = That does not work here
error-method_not_allowed = This address is not meant to be opened in this way. Go back to where you came from.
error-temporarily_unavailable-title = We cannot answer at the moment
error-temporarily_unavailable = There is a problem on our side, and nothing was changed. Please try again shortly.
