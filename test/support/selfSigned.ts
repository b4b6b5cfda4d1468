/** A self-signed key and certificate for 127.0.0.1, valid until 2120. For tests only: both are public. */
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

/** A client's key and certificate, for "Test client". For tests only: both are public. */
export const selfSignedClient = {
  key: [
    '-----BEGIN PRIVATE KEY-----',
    'MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg4PUWfL3veiVy4LHX',
    '5kEIVYm74hVVIPg87xn56SdNdWOhRANCAAT9FDqGY1PWyICWmJSE5damMdWg0L5Y',
    'xODlMJtog3MNlpQXjbb9JIP6n/O9Uugw/3UDATDZ9JhJtniLE4RzKo5Y',
    '-----END PRIVATE KEY-----',
  ].join('\n'),
  cert: [
    '-----BEGIN CERTIFICATE-----',
    'MIIBSzCB8qADAgECAgEBMAoGCCqGSM49BAMCMBYxFDASBgNVBAMMC1Rlc3QgY2xp',
    'ZW50MCAXDTIwMDEwMTAwMDAwMFoYDzIxMjAwMTAxMDAwMDAwWjAWMRQwEgYDVQQD',
    'DAtUZXN0IGNsaWVudDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABP0UOoZjU9bI',
    'gJaYlITl1qYx1aDQvljE4OUwm2iDcw2WlBeNtv0kg/qf871S6DD/dQMBMNn0mEm2',
    'eIsThHMqjlijLzAtMAwGA1UdEwEB/wQCMAAwHQYDVR0OBBYEFCFF/llzBffTwRqt',
    'Xn5Be1Mx9MXVMAoGCCqGSM49BAMCA0gAMEUCIGfXpwqpywtpaLAQq19WTOyeLTjy',
    'YUQWpAZPfliFxFUWAiEAipm/4cgy/A4J6e/86U145EYFhIwD8XFSJ6sx2/YdYuI=',
    '-----END CERTIFICATE-----',
  ].join('\n'),
};

/** Another client's, whose subject has three attributes and contains a comma. For tests only: both are public. */
export const selfSignedService = {
  key: [
    '-----BEGIN PRIVATE KEY-----',
    'MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgsaPbNAnCfR7Z8yxo',
    'wnOx83eVZxLe+B9yaZTsChJVtmehRANCAARyWYW+7/VohkK81wXy8viv3GrD9V5E',
    '+3+qLt9Ob3ie+0mohvAmYOanwjMRQL8QnJErh/SGQT4MReFZuO0ZHS9s',
    '-----END PRIVATE KEY-----',
  ].join('\n'),
  cert: [
    '-----BEGIN CERTIFICATE-----',
    'MIIBnTCCAUKgAwIBAgIBATAKBggqhkjOPQQDAjA+MQswCQYDVQQGEwJERTEYMBYG',
    'A1UECgwPVGVzdHMsIGFuZCBtb3JlMRUwEwYDVQQDDAxUZXN0IHNlcnZpY2UwIBcN',
    'MjAwMTAxMDAwMDAwWhgPMjEyMDAxMDEwMDAwMDBaMD4xCzAJBgNVBAYTAkRFMRgw',
    'FgYDVQQKDA9UZXN0cywgYW5kIG1vcmUxFTATBgNVBAMMDFRlc3Qgc2VydmljZTBZ',
    'MBMGByqGSM49AgEGCCqGSM49AwEHA0IABHJZhb7v9WiGQrzXBfLy+K/casP1XkT7',
    'f6ou305veJ77SaiG8CZg5qfCMxFAvxCckSuH9IZBPgxF4Vm47RkdL2yjLzAtMAwG',
    'A1UdEwEB/wQCMAAwHQYDVR0OBBYEFH09x4UkODmwIq59zM4Re2NGC4DdMAoGCCqG',
    'SM49BAMCA0kAMEYCIQDA8ja7mv9iWnqTx9YiWhe1ZiLkq788byLopspDYnG1YgIh',
    'AMd0362bFzK+R51C/E98/AxtNzoTBytoVvlwWAZogp4a',
    '-----END CERTIFICATE-----',
  ].join('\n'),
};
