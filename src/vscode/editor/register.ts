import {
  EventEmitter,
  languages,
  type TerminalLinkProvider,
  type TextDocument,
  type TextEditor,
  window,
  workspace,
} from 'vscode';
import { settings } from '../../contributions.ts';
import type { Verifications } from '../../core/checks/verifications.ts';
import { classify } from '../../core/errors.ts';
import type { Clock, Log } from '../../core/ports.ts';
import type { Sessions } from '../../core/records/sessions.ts';
import { mayHoldToken } from '../../core/tokens/findJwts.ts';
import type * as OnDemand from '../onDemand.ts';
import type { TokenLink } from '../screen.ts';
import { scheme } from '../tokenDocuments.ts';
import type { Colors } from './annotations.ts';
import { holdsToken, knownTokenAt, knownTokenIn, surroundingRange } from './scan.ts';

export interface EditorParts {
  readonly own: <T extends { dispose(): unknown }>(disposable: T) => T;
  readonly sessions: Sessions;
  readonly clock: Clock;
  readonly verifications: Pick<Verifications, 'stateOf' | 'known'>;
  /** Loaded when a text may contain a token. */
  readonly features: () => Promise<typeof OnDemand>;
  readonly log: Log;
}

/** Milliseconds without changes before a document is scanned again. */
const debounce = 250;

/** Milliseconds. No timer is set for later expiries, because an editor is rarely open for that long. */
const longestTimer = 24 * 3600_000;

/** Documents of any scheme: files, untitled ones, output, notebook cells. */
const anywhere = '*';

/** Registers the providers. Their code is loaded when a text may contain a token. */
export function registerEditorFeatures({ own, sessions, clock, verifications, features, log }: EditorParts): {
  readonly links: TerminalLinkProvider;
} {
  own(
    languages.registerHoverProvider(anywhere, {
      async provideHover(document, position) {
        if (!isWanted('hover', document)) return undefined;
        if (document.uri.scheme === scheme) return (await features()).claimHoverAt(document, position);
        const near = holdsToken(document, surroundingRange(document, position));
        if (!near && !knownTokenAt(document, position, sessions)) return undefined;
        return (await features()).hoverAt(document, position, { sessions, clock, verifications });
      },
    }),
  );
  const links: TerminalLinkProvider = {
    async provideTerminalLinks({ line }) {
      if (!wantsTerminalLinks() || (!mayHoldToken(line) && !knownTokenIn(line, sessions))) return [];
      return (await features()).linksIn(line, { sessions, clock });
    },
    handleTerminalLink: async link => (await features()).followLink(link as TokenLink),
  };
  own(window.registerTerminalLinkProvider(links));
  own(
    languages.registerCodeLensProvider(anywhere, {
      provideCodeLenses: async document =>
        isWanted('codeLens', document) && holdsToken(document, undefined, sessions)
          ? (await features()).lensesOf(document, sessions)
          : [],
    }),
  );
  own(
    languages.registerCodeLensProvider(
      { pattern: '**/mock-issuer.json' },
      { provideCodeLenses: async ({ uri }) => (workspace.isTrusted ? (await features()).mockLens(uri) : []) },
    ),
  );
  own(
    languages.registerCodeActionsProvider(anywhere, {
      provideCodeActions: async (document, _, { diagnostics }) =>
        diagnostics.some(({ source }) => source === 'JWT Workbench')
          ? (await features()).fixesFor(document, diagnostics, sessions)
          : [],
    }),
  );

  const hintsChanged = own(new EventEmitter<void>());
  // An opaque token in a file is recognised only while a connection holds it.
  let tellSoon: (() => void) | undefined;
  own({
    dispose: sessions.onDidChange(() => {
      tellSoon?.();
      tellSoon = clock.schedule(() => hintsChanged.fire(), debounce);
    }),
  });
  own({ dispose: () => tellSoon?.() });
  let stopHints: (() => void) | undefined;
  own({ dispose: () => stopHints?.() });
  own(
    languages.registerInlayHintsProvider(anywhere, {
      onDidChangeInlayHints: hintsChanged.event,
      async provideInlayHints(document, area) {
        if (!isWanted('inlayHints', document) || !holdsToken(document, area, sessions)) return [];
        const { hints, changesIn } = (await features()).hintsOf(document, area, sessions, clock.now());
        stopHints?.();
        // Refreshes at most once a second, and not at all if no hint counts down.
        if (Number.isFinite(changesIn))
          stopHints = clock.schedule(() => hintsChanged.fire(), Math.min(Math.max(changesIn, 1000), 3600_000));
        return hints;
      },
    }),
  );

  watchEditors();
  watchGit();
  return { links };

  /** Starts once the setting is on; before that, Git is not started. */
  function watchGit(): void {
    let watching = false;
    const begin = async () => {
      if (watching || !wantsStagedWarning()) return;
      watching = true;
      try {
        const { watchStaged } = await features();
        await watchStaged({ own, clock, wanted: wantsStagedWarning });
      } catch (error) {
        // Tried again when a setting changes: VS Code's Git may be on by then.
        watching = false;
        const { code } = classify(error);
        if (code !== 'git_unavailable') log('error', 'staged files are not watched', { code });
      }
    };
    own(workspace.onDidChangeConfiguration(begin));
    void begin();
  }

  function watchEditors(): void {
    const problems = own(languages.createDiagnosticCollection('jwtWorkbench'));
    let colors: Colors | undefined;
    own({ dispose: () => colors?.dispose() });
    const painted = new WeakSet<TextEditor>();
    const timers = new Map<object, () => void>();
    own({ dispose: () => timers.forEach(cancel => void cancel()) });
    const soon = (key: object, work: () => unknown, delay = debounce) => {
      timers.get(key)?.();
      timers.set(
        key,
        clock.schedule(() => {
          timers.delete(key);
          work();
        }, delay),
      );
    };

    const paint = async (editor: TextEditor) => {
      const { document } = editor;
      const wanted =
        isWanted('colorTokens', document) && editor.visibleRanges.some(area => holdsToken(document, area, sessions));
      if (!wanted && !painted.has(editor)) return;
      colors ??= (await features()).createColors();
      if (!wanted) {
        painted.delete(editor);
        return colors.clear(editor);
      }
      painted.add(editor);
      const endsIn = colors.paint(editor, sessions, clock.now());
      if (endsIn < longestTimer)
        soon(editor, () => window.visibleTextEditors.includes(editor) && paint(editor), endsIn + 1);
    };
    const check = async (document: TextDocument) => {
      if (document.isClosed) return;
      if (isUserSettings(document) && sessions.problems().length > 0)
        return problems.set(document.uri, (await features()).settingsProblems(document, sessions));
      if (!isWanted('diagnostics', document) || !holdsToken(document)) return problems.delete(document.uri);
      const { diagnosticsOf } = await features();
      problems.set(document.uri, diagnosticsOf(document, { sessions, clock }));
    };
    const lookAt = (editor: TextEditor) => soon(editor, () => paint(editor));
    own({ dispose: sessions.onDidChange(() => window.visibleTextEditors.forEach(lookAt)) });
    const checkSoon = (document: TextDocument) => soon(document, () => check(document));

    own(window.onDidChangeVisibleTextEditors(editors => editors.forEach(lookAt)));
    own(window.onDidChangeTextEditorVisibleRanges(({ textEditor }) => lookAt(textEditor)));
    own(workspace.onDidOpenTextDocument(checkSoon));
    own(workspace.onDidCloseTextDocument(({ uri }) => problems.delete(uri)));
    own(
      workspace.onDidChangeTextDocument(({ document }) => {
        window.visibleTextEditors.filter(editor => editor.document === document).forEach(lookAt);
        checkSoon(document);
      }),
    );
    const all = () => {
      window.visibleTextEditors.forEach(lookAt);
      workspace.textDocuments.forEach(checkSoon);
    };
    own(
      workspace.onDidChangeConfiguration(event => {
        if (event.affectsConfiguration(settings.section)) all();
      }),
    );
    all();
  }
}

/** The user's own settings.json. Connections are not read from other settings files. */
function isUserSettings({ uri, languageId }: TextDocument): boolean {
  return languageId === 'jsonc' && /\/User\/(?:profiles\/[^/]+\/)?settings\.json$/.test(uri.path);
}

type Where = 'off' | 'jwt' | 'all';

function read<T>(name: string, fallback: T): T {
  return workspace.getConfiguration(settings.section).get<T>(name) ?? fallback;
}

/** Whether tokens in terminals become links. */
function wantsTerminalLinks(): boolean {
  return read(settings.terminalLinks, true);
}

/** Whether to warn about staged tokens. */
function wantsStagedWarning(): boolean {
  return read(settings.warnWhenStaged, false);
}

/** Whether a feature with the choices "off, in .jwt files, everywhere" is enabled for this document. */
function isWanted(
  name: 'hover' | 'codeLens' | 'inlayHints' | 'colorTokens' | 'diagnostics',
  document: TextDocument,
): boolean {
  const value = read<boolean | Where>(settings[name], 'jwt');
  if (typeof value === 'boolean') return value;
  return value === 'all' || (value === 'jwt' && document.languageId === 'jwt');
}
