device-title = Connect a device
device-about = Enter the code that the device shows.
device-code = Code
device-submit = Continue
device-unknown-code = No device is waiting with this code. Please check the code and try again.
