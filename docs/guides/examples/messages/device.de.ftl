device-title = Gerät verbinden
device-about = Geben Sie den Code ein, den das Gerät anzeigt.
device-code = Code
device-submit = Weiter
device-unknown-code = Auf diesen Code wartet kein Gerät. Bitte prüfen Sie den Code und versuchen Sie es noch einmal.
