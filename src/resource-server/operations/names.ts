import { isJsonObject } from '../../lib/json.ts'
import { isMisspelt, nameKind, type NameKind } from './methods.ts'
import type { Message } from './messages.ts'
import { isBlankOrControlled } from './patterns.ts'
import type { Rules } from './rules.ts'
import { exampleOf, normalUri } from './uri.ts'
import type { Operation } from './operations.ts'

/** In characters. A longer name is refused before it is compared (denial of service). */
const longestName = 2048
/** Operations of one request; each resource of a subscription counts. */
const maxOperations = 1000

/** One operation, and the name under which its rules are looked up. */
export interface Asked {
  readonly operation: Operation
  readonly key: string | undefined
}

/** The operations of the messages, or why a handler could read other ones than the rules do. */
export function operationsOf(messages: readonly Message[], rules: Rules): Asked[] | string {
  const asked: Asked[] = []
  for (const { method, params } of messages) {
    // A response of the client has no method and is not an operation.
    if (typeof method !== 'string') continue
    if (method.length > longestName || isMisspelt(method)) return 'The method is not spelt as MCP spells it'
    const members = isJsonObject(params) ? params : {}
    const all: [string, Readonly<Record<string, unknown>>][] = [[method, members]]
    if (method === 'subscriptions/listen')
      for (const uri of subscribed(members)) all.push(['resources/subscribe', { uri }])
    for (const each of all) {
      const found = judgedName(...each, rules)
      if (typeof found === 'string') return found
      asked.push({ operation: { method: each[0], name: found.name, params: each[1] }, key: found.key })
    }
    if (asked.length > maxOperations) return `A request asks for at most ${maxOperations} operations`
  }
  return asked
}

/** MCP 2026-07-28: one request subscribes to several resources. */
function subscribed({ notifications }: Readonly<Record<string, unknown>>): readonly unknown[] {
  const uris = isJsonObject(notifications) ? (notifications['resourceSubscriptions'] ?? []) : []
  return Array.isArray(uris) ? uris : [uris]
}

interface Named {
  readonly value: unknown
  /** Whether it is the URI of a resource, which has another grammar than a name. */
  readonly isUri: boolean
}

function nameOf(kind: NameKind | undefined, params: Readonly<Record<string, unknown>>): Named {
  if (kind === 'uri') return { value: params['uri'], isUri: true }
  if (kind !== 'ref') return { value: params['name'], isUri: false }
  const { type, name, uri } = isJsonObject(params['ref']) ? params['ref'] : {}
  // The type says which member is read. One of the other type could be the one that a peer reads.
  if (type === 'ref/prompt' && uri === undefined) return { value: name, isUri: false }
  return { value: type === 'ref/resource' && name === undefined ? uri : undefined, isUri: true }
}

type JudgedName = { readonly name: string | undefined; readonly key: string | undefined }

/** The name, or why it is refused. */
function judgedName(
  method: string,
  params: Readonly<Record<string, unknown>>,
  rules: Rules,
): JudgedName | string {
  const kind = nameKind(method)
  const { value: name, isUri } = nameOf(kind, params)
  if (name === undefined && kind === undefined) return { name, key: name }
  if (typeof name !== 'string' || (name === '' && kind !== undefined))
    return kind === 'ref' ? 'The reference does not name one prompt or resource' : 'The name is not a string'
  if (name.length > longestName) return `The name has more than ${longestName} characters`
  if (!isUri)
    return isBlankOrControlled(name)
      ? 'The name has blanks around it or control characters'
      : { name, key: name }
  // A completion names the template as it was registered.
  const key = kind === 'ref' ? exampleOf(name) : name
  return rules.dependsOnName(method) && normalUri(key) !== key
    ? 'The URI is not in its normal form (RFC 3986 §6.2)'
    : { name, key }
}
