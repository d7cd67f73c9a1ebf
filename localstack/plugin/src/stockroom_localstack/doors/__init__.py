"""What listens, and who may ask.

loopback_server.py    the HTTP server: a thread a connection, on a loopback address
connections.py        how many connections there are, and which go first
http_requests.py      bytes of HTTP/1.1 become requests
http2_server.py       HTTP/2 on the same port: requests of a connection side by side
wsgi.py               between bytes and WSGI
certificate.py        a certificate for who speaks TLS
guard.py              the application behind the rule of stockroom_emulation/admission.py
applications.py       what the platform serves to pages of other origins
signing.py            how a signature is calculated
gateway.py            what LocalStack need not do for each request
"""
