### Texte der Seiten, deutsch. Jeder Schlüssel steht auch in en.ftl. Nur Text: Auszeichnung würde so gezeigt, wie sie dasteht.
### Texte anderer ($client, $host, …) werden beim Einsetzen in ihrer Schreibrichtung abgegrenzt.

## Gemeinsames

title-error = Problem: { $title }
request-id = Vorgang { $trace }
back-to = Zurück zu { $client }
close-page = Sie können diese Seite schließen.
new-window = (öffnet ein neues Fenster)
year-date =
    { $day }. { $month ->
        [1] Januar
        [2] Februar
        [3] März
        [4] April
        [5] Mai
        [6] Juni
        [7] Juli
        [8] August
        [9] September
        [10] Oktober
        [11] November
       *[12] Dezember
    } { $year }
year-date-time = { $date }, { $time } UTC
ago-now = gerade eben
ago-minutes =
    { $count ->
        [one] vor einer Minute
       *[other] vor { $count } Minuten
    }
ago-hours =
    { $count ->
        [one] vor einer Stunde
       *[other] vor { $count } Stunden
    }
ago-days =
    { $count ->
        [one] gestern
       *[other] vor { $count } Tagen
    }

## Anmelden

sign-in-title = Melden Sie sich bei Ihrem Konto an
sign-in-title-client = Anmelden und weiter zu { $client }
sign-in-title-confirm = Bestätigen Sie, dass Sie es sind
sign-in-about = Im nächsten Schritt entscheiden Sie, was { $host } sehen darf.
sign-in-about-confirm = { $client } bittet Sie, Ihr Passwort noch einmal einzugeben.
sign-in-about-confirm-account = Bitte geben Sie Ihr Passwort noch einmal ein, um fortzufahren.
sign-in-username = E-Mail oder Benutzername
sign-in-password = Passwort
sign-in-submit = Anmelden
sign-in-submit-confirm = Bestätigen
sign-in-other-accounts = Anderes Konto verwenden
sign-in-problem-credentials = Benutzername und Passwort passen zu keinem Konto. Bitte prüfen Sie beides und versuchen Sie es noch einmal.
sign-in-problem-too-many =
    { $wait ->
        [one] Das waren zu viele Versuche. Bitte warten Sie eine Sekunde und versuchen Sie es dann noch einmal.
       *[other] Das waren zu viele Versuche. Bitte warten Sie { $wait } Sekunden und versuchen Sie es dann noch einmal.
    }
sign-in-problem-too-many-minutes =
    { $wait ->
        [one] Das waren zu viele Versuche. Bitte warten Sie eine Minute und versuchen Sie es dann noch einmal.
       *[other] Das waren zu viele Versuche. Bitte warten Sie { $wait } Minuten und versuchen Sie es dann noch einmal.
    }
sign-in-problem-busy = Der Dienst ist im Moment ausgelastet, Ihr Passwort wurde nicht geprüft. Bitte versuchen Sie es gleich noch einmal.

## Konto wählen

select-account-title = Wählen Sie ein Konto für { $client }
select-account-about = Diese Konten sind in diesem Browser angemeldet.
select-account-another = Anderes Konto verwenden

## Zustimmung

consent-title-identity = { $client } mitteilen, wer Sie sind?
consent-title-api = { $client } den Zugriff auf { $api } erlauben?
consent-title-apis =
    { $count ->
        [one] { $client } erlauben, einen Dienst für Sie zu nutzen?
       *[other] { $client } erlauben, { $count } Dienste für Sie zu nutzen?
    }
consent-who = Angemeldet als
consent-switch = Nicht Sie?
consent-group-identity = Über Sie
consent-group-absence = Wenn Sie nicht da sind
consent-new = neu
consent-agreed = schon erlaubt
consent-changed = Was diese Anwendung erbittet, hat sich seit Ihrer Antwort geändert. Bitte sehen Sie es sich noch einmal an.
consent-grown = Einen Teil davon haben Sie schon erlaubt. Neues ist gekennzeichnet.
consent-repeated = Das alles haben Sie schon einmal erlaubt.
scope-openid = Sie wiedererkennen, wenn Sie zurückkommen
scope-profile = Ihren Namen und Ihr Profil sehen
scope-email = Ihre E-Mail-Adresse sehen
scope-address = Ihre Postanschrift sehen
scope-phone = Ihre Telefonnummer sehen
scope-none = Darauf zugreifen, ohne weitere Rechte
scope-unknown = Ein Recht namens { $scope } nutzen
scope-offline-access = Damit weitermachen, wenn Sie nicht da sind
consent-lasts-while-signed-in = Das gilt, bis Sie sich abmelden.
consent-lasts-until-disconnected = Das gilt, bis Sie die Verbindung auf Ihrer Kontoseite trennen.
consent-revoke = Sie können das jederzeit auf Ihrer Kontoseite zurücknehmen.
consent-returns-host = Danach geht es zurück zu { $at }.
consent-returns-this-computer = Danach geht es zurück zu einem Programm auf diesem Computer ({ $at }). Erlauben Sie das nur, wenn Sie dieses Programm gerade selbst gestartet haben.
consent-returns-app = Danach geht es zurück zu einer App auf diesem Gerät ({ $at }).
consent-deny = Ablehnen
consent-allow = Erlauben
consent-policy = Datenschutz
consent-terms = Nutzungsbedingungen

## Weiter mit einem Formular

form-post-title = Zurück zu { $client }
form-post-about = Sie werden zurückgeleitet. Falls nichts geschieht, geht es mit der Schaltfläche weiter.
form-post-submit = Weiter

## Abmelden

logout-title = Abmelden?
logout-about = Sie werden hier und in den beteiligten Anwendungen abgemeldet.
logout-about-client = { $client } möchte Sie abmelden, hier und in den beteiligten Anwendungen.
logout-everybody = Alle { $count } Konten, die in diesem Browser angemeldet sind, werden abgemeldet:
logout-stay = Angemeldet bleiben
logout-submit = Abmelden
signed-out-title = Sie sind abgemeldet
signed-out-about = Diesen Browser kann jetzt jemand anderes benutzen. Anwendungen bleiben vielleicht offen, bis Sie sie schließen.
signed-out-sign-in = Wieder anmelden
signed-out-one-title = Dieses Konto ist abgemeldet
signed-out-one-about = Andere Konten sind in diesem Browser weiterhin angemeldet.
signed-out-to-account = Zu Ihrem Konto

## Konto

account-title = Ihr Konto
account-username = Benutzername
account-sign-out = Abmelden
account-applications = Verbundene Anwendungen
account-applications-about = Was Sie wem erlaubt haben. Wenn Sie eine Verbindung trennen, nehmen Sie es zurück.
account-applications-none = Keine Anwendung ist verbunden. Wenn Sie einer erlauben, Ihr Konto zu nutzen, steht sie hier.
account-application-since = Verbunden { $when }
account-application-used = zuletzt benutzt { $when }
account-application-unused = noch nicht benutzt
account-may = Was sie darf
account-disconnect = Trennen
account-disconnect-name = Trennen: { $client }
account-sessions = Wo Sie angemeldet sind
account-sessions-about = Wenn Sie davon etwas nicht kennen, melden Sie es ab.
account-session-this = diese hier
account-session-seen = zuletzt gesehen { $when }
account-session-since = angemeldet { $when }
account-session-sign-out = Abmelden
account-session-sign-out-name = Abmelden: { $device }, { $address }
account-sign-out-others = Alle anderen abmelden
account-notice-disconnected = Die Verbindung mit { $name } ist getrennt.
account-notice-session-ended = Diese Sitzung ist abgemeldet.
account-notice-others-ended = Alle anderen Sitzungen sind abgemeldet.
device-known = { $browser } auf { $system }
device-browser = { $browser }
device-unknown = Unbekannter Browser

## Fehler

error-application = Die Anwendung
error-developer = Für Entwickler
error-reason = Grund
error-parameter = Parameter
error-received = erhalten
error-registered = eingetragen
error-none-registered = keine ist eingetragen
error-remedy = So wird sie angenommen:
error-differs-scheme = Ein anderes Schema.
error-differs-host = Ein anderer Host.
error-differs-localhost = „localhost“ und „127.0.0.1“ sind zwei verschiedene Hosts.
error-differs-port = Ein anderer Port.
error-differs-path = Ein anderer Pfad.
error-differs-slash = Ein Schrägstrich am Ende macht den Unterschied.
error-differs-case = Groß- und Kleinschreibung sind verschieden.
error-differs-query = Eine andere Abfrage.
error-differs-fragment = Eine Redirect-URI darf kein Fragment haben.
error-invalid_request-title = Diese Anmeldung geht nicht weiter
error-invalid_request = { $application } hat eine Anfrage geschickt, die wir nicht lesen können. Es wurde nichts weitergegeben. Gehen Sie zurück und versuchen Sie es noch einmal; wenn das nicht hilft, sagen Sie den Machern Bescheid.
error-unknown_client-title = Wir kennen diese Anwendung nicht
error-unknown_client = Die Anwendung, von der Sie kommen, ist nicht eingetragen oder abgeschaltet. Es wurde nichts weitergegeben. Bitte sagen Sie den Machern Bescheid.
error-redirect_uri_missing-title = Diese Anmeldung geht nicht weiter
error-redirect_uri_missing = { $application } hat nicht gesagt, wohin es zurückgehen soll. Es wurde nichts weitergegeben. Bitte sagen Sie den Machern Bescheid.
error-redirect_uri_mismatch-title = Diese Anmeldung geht nicht weiter
error-redirect_uri_mismatch = { $application } wollte Sie an eine Adresse schicken lassen, die nicht eingetragen ist. Es wurde nichts weitergegeben. Bitte sagen Sie den Machern Bescheid.
error-page_expired-title = Diese Seite ist abgelaufen
error-page_expired = Sie waren zu lange weg oder haben das schon in einem anderen Tab beendet. Es ist nichts verloren: Beginnen Sie einfach neu.
error-other_browser-title = Diese Seite wurde nicht in diesem Browser geöffnet
error-other_browser = Bitte machen Sie in dem Browser weiter, in dem Sie begonnen haben. War es dieser, dann erlauben Sie Cookies für diese Seite und beginnen Sie neu.
error-cross_site-title = Dieses Formular kam nicht von uns
error-cross_site = Eine andere Seite hat anscheinend ein Formular für Sie abgeschickt; wir haben nichts getan. Wenn Sie es so wollten, beginnen Sie neu.
error-access_denied-title = Das dürfen Sie nicht nutzen
error-access_denied = Ihr Konto hat hier keinen Zugang. Es wurde nichts weitergegeben. Wenn Sie meinen, dass es ihn haben sollte, fragen Sie, wer diesen Dienst betreibt.
error-invalid_logout-title = Wir haben Sie nicht abgemeldet
error-invalid_logout = { $application } hat eine Abmeldung geschickt, die wir nicht annehmen können. Auf Ihrer Kontoseite können Sie sich abmelden.
error-not_found-title = Hier ist nichts
error-not_found = Die Adresse ist falsch oder veraltet. Gehen Sie dorthin zurück, woher Sie kommen.
error-method_not_allowed-title = Das geht hier nicht
error-method_not_allowed = Diese Adresse ist nicht dafür da, so geöffnet zu werden. Gehen Sie dorthin zurück, woher Sie kommen.
error-temporarily_unavailable-title = Wir können gerade nicht antworten
error-temporarily_unavailable = Es gibt ein Problem auf unserer Seite; es wurde nichts geändert. Bitte versuchen Sie es gleich noch einmal.
