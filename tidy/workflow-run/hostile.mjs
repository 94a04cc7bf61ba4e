// Here: texts that would do something if anyone took them for more than a text, each in each member of a payload.
// Not here: what must come of them (judge.mjs).
// Reads: nothing. `evil` is a program that the scripts could call, and `left` a file that a shell could make without any program.

export const EVENT_TYPE = 'deploy_pipeline_action';
export const ID = '474p54ivefce66s2nsvlvyw7zg';

const TEXTS = [
  '$(evil)',
  '`evil`',
  '$(: > left)',
  '; evil',
  'a; evil',
  'a && evil',
  'a || evil',
  'a | evil',
  'a & evil',
  'a > left',
  'a < /etc/passwd',
  'a\nevil',
  'a\n',
  'a\r\nevil',
  "a'; evil; '",
  'a"; evil; "',
  'a\\"; evil; \\"',
  '"$(evil)"',
  "'$(evil)'",
  '${IFS}evil',
  '$PATH',
  '${GH_TOKEN}',
  '!evil',
  'a]] || evil; [[ a',
  'a ]]; evil; [[ -n a',
  'a[$(evil)]',
  '<(evil)',
  '*',
  '~',
  '{a,b}',
  '# a',
  '-h',
  '--set',
  '--name=other',
  '--debug',
  '../../a',
  '/etc/passwd',
  'a b',
  ' a',
  'a ',
  '\ta',
  '%s%n',
  'a%0Aevil',
  '::set-output name=deploys::true',
  'a\n::error::a',
  'a\n::add-mask::a',
  'a\ndeploys=true',
  '${{ github.token }}',
  '${{ secrets.AZURE_CREDENTIALS }}',
  "a' }}${{ github.token }}",
  "${{ '",
  'é',
  'модель',
  '模型',
  'a\u202eb',
  'a\u200bb',
  'a\u00a0b',
  '\ufeffa',
  '\u2028evil',
  '🙂',
  'a\u0007b',
  'a\u001b[2Jb',
  'a:b',
  'a@latest',
  'a"b',
  'a\\b',
  '",env.GH_TOKEN,"',
  '") or true or ("',
  'a'.repeat(256),
  'a '.repeat(10_000),
  '$(evil)'.repeat(5_000),
];

// Names and versions that are plain, and therefore deployed.
const PLAIN = ['a', '7', '0', '1.10', 'Credit_Risk.v2', 'a-b--c', 'true', 'null', 'a'.repeat(255)];

const FIELDS = {
  model_name: (text) => ({ model_name: text }),
  model_version: (text) => ({ model_version: text }),
  'relay.id': (text) => ({ relay: { id: text, attempt: 1 } }),
  extra: (text) => ({ extra: text }),
  'the name of a member': (text) => ({ [text]: 'a' }),
};

// The dispatch that the workflow is for, with these members instead of its own.
export function plain(members) {
  const payload = { model_name: 'credit-risk', model_version: '7', relay: { id: ID, attempt: 1 }, ...members };
  return { event_type: EVENT_TYPE, client_payload: payload };
}

export function hostile() {
  return Object.entries(FIELDS).flatMap(([field, make]) =>
    [...TEXTS, ...PLAIN, ''].map((text) => ({ field, text, dispatch: plain(make(text)) })),
  );
}

// Whether a dispatch with this text there is carried out.
export function deploys(field, text) {
  if (field === 'model_name' || field === 'model_version') return PLAIN.includes(text);
  // An older sender has no id.
  if (field === 'relay.id') return text === '';
  return true;
}
