/** How the name of an operation is found in the parameters of its method. */
export type NameKind = 'name' | 'uri' | 'ref'

/**
 * A method whose operations have a name: a tool, a prompt, a resource, or a reference to one of the last two.
 */
export type NamedMethod =
  | 'tools/call'
  | 'prompts/get'
  | 'resources/read'
  | 'resources/subscribe'
  | 'resources/unsubscribe'
  | 'completion/complete'

/** What a client may send without a name, in any revision from 2024-11-05 to 2026-07-28. */
export type PlainMethod =
  | 'initialize'
  | 'ping'
  | 'server/discover'
  | 'logging/setLevel'
  | 'subscriptions/listen'
  | 'tools/list'
  | 'prompts/list'
  | 'resources/list'
  | 'resources/templates/list'
  | `tasks/${'get' | 'list' | 'result' | 'update' | 'cancel'}`
  | `notifications/${'initialized' | 'cancelled' | 'progress' | 'roots/list_changed' | 'tasks/status'}`

/** Keys that stand for several methods with names. */
export type NamedPattern = '*' | 'tools/*' | 'prompts/*' | 'resources/*' | 'completion/*'
/** Keys that stand for several methods without names. */
export type PlainPattern = 'tasks/*' | 'notifications/*'

const named: Readonly<Record<NamedMethod, NameKind>> = {
  'tools/call': 'name',
  'prompts/get': 'name',
  'resources/read': 'uri',
  'resources/subscribe': 'uri',
  'resources/unsubscribe': 'uri',
  'completion/complete': 'ref',
}

// Objects, so that the compiler finds a method that is missing here. False: needs a rule if `default` is
// `deny`. A task holds the result of a tool, and not every server checks whose task it is.
const plain: Readonly<Record<PlainMethod, boolean>> = {
  initialize: true,
  ping: true,
  'server/discover': true,
  'logging/setLevel': true,
  'subscriptions/listen': true,
  'tools/list': true,
  'prompts/list': true,
  'resources/list': true,
  'resources/templates/list': true,
  'tasks/get': false,
  'tasks/list': false,
  'tasks/result': false,
  'tasks/update': false,
  'tasks/cancel': false,
  'notifications/initialized': true,
  'notifications/cancelled': true,
  'notifications/progress': true,
  'notifications/roots/list_changed': true,
  'notifications/tasks/status': true,
}

const patternKinds: Readonly<Record<NamedPattern | PlainPattern, NameKind | 'any' | undefined>> = {
  '*': 'any',
  'tools/*': 'name',
  'prompts/*': 'name',
  'resources/*': 'uri',
  'completion/*': 'ref',
  'tasks/*': undefined,
  'notifications/*': undefined,
}

const known: readonly string[] = [...Object.keys(named), ...Object.keys(plain)]

/** Every key that a table of rules may have. */
export const ruleKeys: readonly string[] = [...known, ...Object.keys(patternKinds)]

/** What kind of name the operations of a method have; undefined: none. */
export const nameKind = (method: string): NameKind | undefined =>
  Object.hasOwn(named, method) ? named[method as NamedMethod] : undefined

/** The same for a key of the table. */
export const keyKind = (key: string): NameKind | 'any' | undefined =>
  Object.hasOwn(patternKinds, key) ? patternKinds[key as NamedPattern | PlainPattern] : nameKind(key)

/** Whether the method only sets up the connection or lists names. */
export const isSetUp = (method: string): boolean =>
  Object.hasOwn(plain, method) && plain[method as PlainMethod]

const folded = new Map(known.map((method) => [method.toLowerCase(), method]))

/**
 * Whether the method is another spelling of a known one (case, blanks, control characters): a peer that folds
 * or trims it would run an operation that was not judged.
 */
export function isMisspelt(method: string): boolean {
  const bare = method.replace(/[\s\p{C}]/gu, '').toLowerCase()
  return folded.has(bare) && folded.get(bare) !== method
}
