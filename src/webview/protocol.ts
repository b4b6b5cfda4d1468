/** Messages between the inspector's page and the extension. The extension makes all sentences. */

export type Mood = 'passed' | 'failed' | 'warning' | 'skipped' | 'info';

export interface InspectorModel {
  readonly title: string;
  readonly subtitle: string;
  readonly verdict: { readonly mood: Mood; readonly text: string; readonly detail: string };
  /** The encoded token, part by part. Empty if an edited copy is unsigned or is not a token. */
  readonly encoded: readonly { readonly part: string; readonly text: string; readonly cut: boolean }[];
  readonly encodedNote: string;
  /** Whether the encoded token may be selected and copied. */
  readonly selectable: boolean;
  readonly decoded: readonly Section[];
  readonly checks: readonly CheckLine[];
  /** False for opaque tokens, which cannot be reviewed. */
  readonly reviewed: boolean;
  /** Findings of the best-practice review, worst first. */
  readonly review: readonly ReviewLine[];
  /** Checks that did not apply. */
  readonly quiet: readonly CheckLine[];
  readonly key: readonly Fact[];
  readonly keys: readonly KeyLine[];
  readonly actions: readonly Action[];
  /** The texts to edit, while the user edits. */
  readonly editing?: Editing;
  /** Set if the connection has replaced this token. */
  readonly newer?: { readonly text: string; readonly action: Action };
  readonly words: Words;
}

export interface Editing {
  /** The initial texts. From then on the editor keeps its own. */
  readonly header: string;
  readonly payload: string;
  /** The page's edit that this model belongs to. */
  readonly revision: number;
  /** Why a part is not a JSON object or cannot be part of a token. */
  readonly errors: { readonly header?: string; readonly payload?: string };
  readonly signing: 'none' | 'mock' | 'own';
  readonly signings: readonly { readonly id: ActionId; readonly label: string; readonly on: boolean }[];
}

export interface Section {
  readonly part: string;
  readonly title: string;
  readonly members: readonly Member[];
}

export interface Member {
  readonly name: string;
  readonly value: string;
  readonly note: string;
  /** Where the name is defined; empty for unknown names. */
  readonly source: string;
  /** Offsets into the encoded part. */
  readonly start: number;
  readonly end: number;
}

export interface CheckLine {
  readonly mood: Mood;
  readonly status: string;
  readonly title: string;
  readonly detail: string;
  readonly expected: string;
  readonly found: string;
  readonly advice: string;
}

export interface ReviewLine {
  readonly mood: Mood;
  /** The severity in words. */
  readonly status: string;
  readonly detail: string;
  readonly advice: string;
  readonly section: string;
}

export interface Fact {
  readonly name: string;
  readonly value: string;
}

export interface KeyLine {
  readonly used: boolean;
  readonly text: string;
}

export interface Action {
  readonly id: ActionId;
  readonly label: string;
  readonly primary: boolean;
}

type ActionId =
  | 'verify'
  | 'verifyWith'
  | 'rememberKey'
  | 'decrypt'
  /** Back to the decrypted token. */
  | 'encrypted'
  | 'copyPayload'
  | 'copyTest'
  | 'edit'
  | 'signNone'
  | 'signMock'
  | 'signOwn'
  | 'newer'
  | 'original';

export interface Words {
  readonly encoded: string;
  readonly decoded: string;
  readonly timeline: string;
  readonly verification: string;
  readonly expected: string;
  readonly found: string;
  readonly advice: string;
  readonly key: string;
  readonly keys: string;
  readonly used: string;
  readonly notNeeded: string;
  readonly header: string;
  readonly payload: string;
  readonly signature: string;
  readonly edited: string;
  readonly checking: string;
  readonly review: string;
  readonly nothing: string;
}

export type ToPage =
  | { readonly type: 'model'; readonly model: InspectorModel }
  | { readonly type: 'time'; readonly svg: string; readonly spoken: string };

export type FromPage =
  | { readonly type: 'ready' }
  | { readonly type: 'action'; readonly id: ActionId }
  | { readonly type: 'edited'; readonly header: string; readonly payload: string; readonly revision: number };

/** Content of the page of a device sign-in. */
export interface DeviceModel {
  readonly title: string;
  readonly userCode: string;
  readonly address: string;
  /** Expiry of the code, in milliseconds since the epoch. */
  readonly until: number;
  readonly words: Readonly<
    Record<'instruction' | 'code' | 'open' | 'copy' | 'copied' | 'cancel' | 'left' | 'over', string>
  >;
}

export type FromDevicePage = 'ready' | 'open' | 'copy' | 'cancel';

/** Content of the page of a client test: a matrix of scenarios, and details of each. */
export interface TortureModel {
  readonly title: string;
  readonly subtitle: string;
  readonly verdict: { readonly mood: Mood; readonly text: string; readonly detail: string };
  /** Set while the test runs. */
  readonly progress?: { readonly done: number; readonly count: number };
  readonly families: readonly { readonly name: string; readonly cells: readonly TortureCell[] }[];
  readonly actions: readonly { readonly id: TortureAction; readonly label: string; readonly primary: boolean }[];
  readonly words: Readonly<Record<'matrix' | 'family' | 'details' | 'must' | 'seen' | 'where' | 'none', string>>;
}

export interface TortureCell {
  readonly id: string;
  readonly name: string;
  readonly mood: Mood;
  /** The verdict in words. */
  readonly status: string;
  readonly title: string;
  readonly must: string;
  readonly seen: string;
  readonly section: string;
  /** Addresses of the section; the extension opens them. */
  readonly links: readonly string[];
}

export type TortureAction = 'cancel' | 'again' | 'export';

export type FromTorturePage =
  | 'ready'
  | { readonly does: TortureAction }
  | { readonly link: number; readonly of: string };
