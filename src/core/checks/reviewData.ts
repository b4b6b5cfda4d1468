/**
 * Rows of the review (review.ts) about what should not be in a token that everybody can read who holds it. They name
 * the claim and never repeat its value.
 */

import { findJwts } from '../tokens/findJwts.ts';
import { isObject, type JsonObject } from '../tokens/json.ts';
import { shown } from './finding.ts';
import type { ReviewInput, ReviewRow } from './review.ts';

/** Values of a token that are looked at: whoever has more has other troubles. */
const mostValues = 2000;

const secretName =
  /(?:^|[_.:/-]|(?<=[a-z])(?=[A-Z]))(?:pwd|passw(?:or)?d|passphrase|secret|private_?key|api_?key|access_?key|credentials?|otp|pin)$/i;

/** Beginnings and forms that only keys and passwords have, by who hands them out. */
const secretValue =
  /-----BEGIN [A-Z ]*PRIVATE KEY-----|^(?:AKIA|ASIA)[A-Z0-9]{16}$|^gh[pousr]_\w{30,}|^github_pat_\w{20,}|^glpat-[\w-]{20,}|^xox[abpsr]-[\w-]{10,}|^(?:sk|rk)_live_\w{10,}|^AIza[\w-]{35}$|^[a-z][a-z+]*:\/\/[^\s:@/]+:[^\s@/]+@/;

const personalName =
  /^(?:email|emails|phone_?numbers?|phone|mobile|msisdn|address|street_address|birth_?date|birthday|date_of_birth|dob|gender|given_name|family_name|middle_name|place_of_birth|nationalit(?:y|ies))$/i;

const sensitiveName =
  /(?:^|[_.:/-])(?:ssn|social_?security(?:_?number)?|passport(?:_?(?:no|number))?|national_?id|tax_?id|id_?card|driving_?licen[cs]e|(?:credit_?)?card_?number|cvv|iban|bank_?account|health|medical|diagnosis|religion|ethnicity|biometrics?)$/i;

/** Members that are made to carry tokens. */
const carriers = new Set(['_claim_sources', 'JWT', 'vp', 'vc', 'trust_chain', 'trust_marks', 'attestation']);

export const dataRows: readonly ReviewRow[] = [
  dataRow('secret', 'error', 'RFC 7519 section 11', (name, value) => {
    return typeof value === 'string' && value.length > 2 && (secretName.test(name) || secretValue.test(value));
  }),
  dataRow('token_inside', 'error', 'RFC 7519 section 11', (name, value, path) => {
    if (typeof value !== 'string' || path.some(each => carriers.has(each))) return false;
    return findJwts(value).length > 0 || (/refresh_?token$|access_?token$/i.test(name) && value.length > 15);
  }),
  dataRow('sensitive', 'warning', 'RFC 7519 section 12', (name, value) => {
    return (isSaid(value) && sensitiveName.test(name)) || isCardNumber(name, value);
  }),
  {
    ...dataRow(
      'personal',
      'info',
      'RFC 9068 section 6, RFC 7519 section 12',
      (name, value) => {
        return isSaid(value) && personalName.test(name);
      },
      ({ use }) => use !== 'id_token',
    ),
  },
];

function dataRow(
  id: string,
  severity: ReviewRow['severity'],
  section: string,
  isIt: (name: string, value: unknown, path: readonly string[]) => boolean,
  applies: (input: ReviewInput) => boolean = () => true,
): ReviewRow {
  return {
    id,
    severity,
    section,
    part: 'payload',
    run: input => {
      if (!applies(input)) return undefined;
      const found = namesOf(input.payload, isIt);
      return found.length > 0 && { member: found[0]?.split('.')[0] ?? '', found: shown(found.join(', ')) };
    },
  };
}

/** The paths of the members for which it holds, joined with dots. */
function namesOf(
  payload: JsonObject,
  isIt: (name: string, value: unknown, path: readonly string[]) => boolean,
): string[] {
  const found: string[] = [];
  let left = mostValues;
  const look = (value: unknown, path: readonly string[]) => {
    if (left-- <= 0) return;
    const name = path.findLast(each => !/^\d+$/.test(each)) ?? '';
    if (isIt(name, value, path)) found.push(path.join('.'));
    else if (Array.isArray(value)) value.forEach((item, index) => void look(item, [...path, String(index)]));
    else if (isObject(value)) for (const [member, item] of Object.entries(value)) look(item, [...path, member]);
  };
  for (const [name, value] of Object.entries(payload)) look(value, [name]);
  return found;
}

function isSaid(value: unknown): boolean {
  return value !== null && value !== '' && value !== undefined && typeof value !== 'boolean';
}

/** 13 to 19 digits of a payment network whose check digit is right (ISO/IEC 7812), and no id. */
function isCardNumber(name: string, value: unknown): boolean {
  if (typeof value !== 'string' || /^sub$|id$|^jti$/i.test(name)) return false;
  const digits = value.replace(/[ -]/g, '');
  if (!/^[3-6]\d{12,18}$/.test(digits)) return false;
  const sum = [...digits].reverse().reduce((total, digit, index) => {
    const weighted = Number(digit) * (index % 2 === 1 ? 2 : 1);
    return total + (weighted > 9 ? weighted - 9 : weighted);
  }, 0);
  return sum % 10 === 0;
}
