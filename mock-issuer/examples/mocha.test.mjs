import assert from 'node:assert/strict';
import { startMockIssuer } from 'mock-issuer';

describe('an hour later', function () {
  this.timeout(30_000); // Mocha's 2 s can be too short for making the issuer's RSA key on a busy machine.
  let mock;
  before(async () => {
    mock = await startMockIssuer({ accessTokenLifetime: 3600 });
  });
  afterEach(() => mock.reset());
  after(() => mock.close());

  const userInfo = async token => {
    const answer = await fetch(`${mock.issuer}/userinfo`, { headers: { authorization: `Bearer ${token}` } });
    await answer.text(); // Node keeps the connection and the process open until the body is read.
    return answer.status;
  };

  it('the access token has expired', async () => {
    const { access_token } = await mock.issueTokens();
    assert.equal(await userInfo(access_token), 200);
    mock.clock.advance(3_600_000);
    assert.equal(await userInfo(access_token), 401);
  });
});
