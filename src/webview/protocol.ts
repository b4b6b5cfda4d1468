/** What the inspector's page and the extension say to each other. Sentences are made by the extension. */

export type Mood = 'passed' | 'failed' | 'warning' | 'skipped' | 'info';

export interface InspectorModel {
  readonly title: string;
  readonly subtitle: string;
  readonly verdict: { readonly mood: Mood; readonly text: string; readonly detail: string };
  /** The token itself, part by part; empty where it was edited, so that it is not copied by accident. */
  readonly encoded: readonly { readonly part: string; readonly text: string; readonly cut: boolean }[];
  readonly encodedNote: string;
  /** What is encoded may be selected and copied. */
  readonly selectable: boolean;
  readonly decoded: readonly Section[];
  readonly checks: readonly CheckLine[];
  /** It can be reviewed: an opaque token cannot. */
  readonly reviewed: boolean;
  /** What the best practices have against it, the worst first. */
  readonly review: readonly ReviewLine[];
  /** The checks that had nothing to look at. */
  readonly quiet: readonly CheckLine[];
  readonly key: readonly Fact[];
  readonly keys: readonly KeyLine[];
  readonly actions: readonly Action[];
  /** The texts to edit, while the user edits. */
  readonly editing?: Editing;
  /** The connection that the token is from has replaced it. */
  readonly newer?: { readonly text: string; readonly action: Action };
  readonly words: Words;
}

export interface Editing {
  /** The texts that the editor begins with; it keeps its own from then on. */
  readonly header: string;
  readonly payload: string;
  /** Which of the page's edits this is the answer to. */
  readonly revision: number;
  /** Why a part is no JSON object, or no part of a token. */
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
  /** Where the name is defined; empty for names that are not known. */
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

export type ActionId =
  | 'verify'
  | 'verifyWith'
  | 'rememberKey'
  | 'decrypt'
  /** Back to what was decrypted. */
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

/** What the page of a device sign-in shows. */
export interface DeviceModel {
  readonly title: string;
  readonly userCode: string;
  readonly address: string;
  /** When the code ends, in milliseconds since the epoch. */
  readonly until: number;
  readonly words: Readonly<
    Record<'instruction' | 'code' | 'open' | 'copy' | 'copied' | 'cancel' | 'left' | 'over', string>
  >;
}

export type FromDevicePage = 'ready' | 'open' | 'copy' | 'cancel';

/** What the page of a client's test shows: a matrix of scenarios, and what is known of each. */
export interface TortureModel {
  readonly title: string;
  readonly subtitle: string;
  readonly verdict: { readonly mood: Mood; readonly text: string; readonly detail: string };
  /** While it runs. */
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
  /** What the section can be read at; opened by the extension. */
  readonly links: readonly string[];
}

export type TortureAction = 'cancel' | 'again' | 'export';

export type FromTorturePage =
  | 'ready'
  | { readonly does: TortureAction }
  | { readonly link: number; readonly of: string };
