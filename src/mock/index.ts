/* What the package `mock-issuer` exports. */

export type { Control } from './control.ts';
export type { Fault, FaultPlan, FaultSetting, FaultType } from './faults.ts';
export type { Visitor } from './http.ts';
export type { MockIssuer } from './issuer.ts';
export { createMockIssuer } from './issuer.ts';
export { selfSignedCertificate } from './keys.ts';
export type { MockServer, MockServerOptions } from './nodeServer.ts';
export { startMockServer as startMockIssuer } from './nodeServer.ts';
export type { MockIssuerOptions } from './options.ts';
export type { MockClient, MockClientOptions, MockUser } from './registry.ts';
export type { RequestLogEntry } from './requestLog.ts';
export { MockOptionError } from './shape.ts';
export type { MockClock } from './shelf.ts';
export { fingerprint } from './shelf.ts';
export type { TokenResponse } from './tokens.ts';
export type { Driver } from './torture/rows.ts';
export type { Result, TortureOptions, TortureReport, Verdict } from './torture/torture.ts';
export { torture } from './torture/torture.ts';
