import { createPrivateKey } from 'node:crypto';
import { type CredentialFlaw, isWorkbenchError, WorkbenchError } from '../core/errors.ts';
import type { UnlockKey } from '../core/ports.ts';
import { largestNumber } from '../core/tokens/der.ts';
import { derOf, readKeyMaterial } from '../core/tokens/keyMaterial.ts';

/** How often a passphrase may be hashed: the work blocks this process, and a file can ask for any amount of it. */
const mostRounds = 20_000_000;

/** Opens PKCS #8 and OpenSSL's older form with what Node's OpenSSL has. Web Crypto lacks MD5 and DES, which the older form needs. */
export const unlockKey: UnlockKey = async (pem, passphrase) => {
  try {
    if (roundsOf(pem) > mostRounds) throw refused('cipher');
    return createPrivateKey({ key: pem, format: 'pem', passphrase })
      .export({ type: 'pkcs8', format: 'pem' })
      .toString();
  } catch (error) {
    if (isWorkbenchError(error) && error.code === 'credential_invalid') throw error;
    // OpenSSL's words could hold parts of what it was given. VS Code's BoringSSL has other codes than Node's OpenSSL.
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    throw refused(/UNSUPPORT|UNKNOWN|INVALID_SCRYPT|MEMORY_LIMIT/.test(code) ? 'cipher' : 'passphrase');
  }
};

/** Of the derivation that PKCS #8 names; OpenSSL's older form hashes once. */
function roundsOf(pem: string): number {
  const material = readKeyMaterial(pem);
  const [block] = material.kind === 'pem' ? material.blocks : [];
  if (block?.label !== 'ENCRYPTED PRIVATE KEY') return 0;
  return largestNumber(derOf({ ...block, label: 'PRIVATE KEY' }));
}

function refused(reason: CredentialFlaw): WorkbenchError {
  return new WorkbenchError('credential_invalid', { reason, sent: false });
}
