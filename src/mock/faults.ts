import type { Effect } from './effects.ts';
import { type Endpoint, endpoints } from './endpoints.ts';
import { faultTable, type Row } from './faultTable.ts';

type Table = typeof faultTable;
export type FaultType = keyof Table;

/** One fault, JSON-serialisable: `{ type, at?, ...parameters }`. `at` narrows or moves where it strikes. */
export type Fault = {
  [K in FaultType]: { readonly type: K; readonly at?: Endpoint | readonly Endpoint[] } & Readonly<
    Parameters<Table[K]['effect']>[0]
  >;
}[FaultType];

export const faultTypes = Object.keys(faultTable) as readonly FaultType[];

export interface Strike {
  readonly type: FaultType;
  readonly at: readonly Endpoint[];
  readonly effect: Effect;
}

/** Reads a fault that may have come from settings. Throws TypeError where there is no such fault or endpoint. */
export function strikeOf(fault: Fault): Strike {
  if (!Object.hasOwn(faultTable, fault.type)) {
    throw new TypeError(`No fault is called ${JSON.stringify(fault.type)}. There are: ${faultTypes.join(', ')}`);
  }
  // The parameters of a row are those of the fault of its name, which the union type above cannot say for a name known only at run time.
  const { at, effect } = faultTable[fault.type] as Row<Fault>;
  const where =
    fault.at === undefined ? at : Array.isArray(fault.at) ? (fault.at as Endpoint[]) : [fault.at as Endpoint];
  for (const endpoint of where) {
    if (!endpoints.includes(endpoint)) throw new TypeError(`No endpoint is called ${JSON.stringify(endpoint)}`);
  }
  return { type: fault.type, at: where, effect: effect(fault) };
}
