#!/usr/bin/env python3
# Made the samples of this folder that ansible-vault did not make: the same format by other means (hashlib, openssl).
# make.py LABEL PASSWORD <plain >sample      LABEL "default" gives the format 1.1
import hashlib, hmac, os, subprocess, sys

label, password = sys.argv[1], os.fsencode(sys.argv[2])
plain = sys.stdin.buffer.read()
salt = hashlib.sha256(b'salt of ' + plain).digest()
key = hashlib.pbkdf2_hmac('sha256', password, salt, 10000, 80)
padding = 16 - len(plain) % 16
sealed = subprocess.run(
    ['openssl', 'enc', '-aes-256-ctr', '-nopad', '-K', key[:32].hex(), '-iv', key[64:].hex()],
    input=plain + bytes([padding]) * padding, stdout=subprocess.PIPE, check=True).stdout
mac = hmac.new(key[32:64], sealed, 'sha256').hexdigest()
body = '\n'.join([salt.hex(), mac, sealed.hex()]).encode().hex()
print('$ANSIBLE_VAULT;1.1;AES256' if label == 'default' else '$ANSIBLE_VAULT;1.2;AES256;' + label)
for at in range(0, len(body), 80):
    print(body[at:at + 80])
