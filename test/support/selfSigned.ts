/** A key and a certificate for 127.0.0.1 that no one signed, good until 2120. For tests only: both are public. */
export const selfSigned = {
  key: [
    '-----BEGIN PRIVATE KEY-----',
    'MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgkx3fADJfSOXMtFMy',
    'lSOFdQyZPSbLXEWsK0xyg7LU8bShRANCAATkQzGLunxWNLyQuTi0o7PXdr9lKxq6',
    'J2gKgxWxHnypjBEgmuDAcqR+r6hmVszsU/z7jokic/U6XfFKS8QpJ8vL',
    '-----END PRIVATE KEY-----',
  ].join('\n'),
  cert: [
    '-----BEGIN CERTIFICATE-----',
    'MIIBdTCCARugAwIBAgIBATAKBggqhkjOPQQDAjAiMSAwHgYDVQQDDBdTZWxmLXNp',
    'Z25lZCB0ZXN0IGlzc3VlcjAgFw0yMDAxMDEwMDAwMDBaGA8yMTIwMDEwMTAwMDAw',
    'MFowIjEgMB4GA1UEAwwXU2VsZi1zaWduZWQgdGVzdCBpc3N1ZXIwWTATBgcqhkjO',
    'PQIBBggqhkjOPQMBBwNCAATkQzGLunxWNLyQuTi0o7PXdr9lKxq6J2gKgxWxHnyp',
    'jBEgmuDAcqR+r6hmVszsU/z7jokic/U6XfFKS8QpJ8vLo0AwPjAPBgNVHREECDAG',
    'hwR/AAABMAwGA1UdEwEB/wQCMAAwHQYDVR0OBBYEFKkV+KI/4NesXiK6OKRXrYFN',
    '+FSZMAoGCCqGSM49BAMCA0gAMEUCIGmewJww7NsgElUr5dEurXRAfHk7+AK4Q6DQ',
    'C61/53dSAiEAtX9KrVuwfRzEcwZ0rpXpk/Ij9tU/+HLWuaqt2qa0TRU=',
    '-----END CERTIFICATE-----',
  ].join('\n'),
};
