import { createHash } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Lru } from '../../lib/lru.ts'
import { identityOf, type Principal } from '../../resource-server/principal.ts'
import { watchSession } from './issued.ts'

/**
 * Session hijacking: the framework lets every authenticated caller use every session. Here a session belongs
 * to the caller in whose answer the framework named it, and it does not exist for others. So only ids that
 * the framework issued are kept: in memory, as the sessions themselves, until they end. A caller keeps the
 * 1000 that it used last, and none of another caller is forgotten for them.
 */
export class SessionOwners {
  /** By a hash of the owner, which may be a token. */
  readonly #sessions = new Map<string, Lru<true>>()

  /** Whether the caller owns the session that the message names, if it names one. */
  admit(message: IncomingMessage, auth: Principal): boolean {
    const ids = sessionsOf(message)
    if (ids?.length === 0) return true
    return ids?.length === 1 && this.#sessions.get(hashOf(auth))?.get(ids[0]!) === true
  }

  /** Makes the caller the owner of the session that the framework opens with this response. */
  watch(message: IncomingMessage, response: ServerResponse, auth: Principal): void {
    const owner = hashOf(auth)
    const [named] = sessionsOf(message) ?? []
    watchSession(message, response, {
      opened: (id) => this.#open(owner, id),
      ended: (id = named) => this.#end(owner, id),
    })
  }

  #open(owner: string, id: string): void {
    const own = this.#sessions.get(owner) ?? new Lru<true>(1000)
    this.#sessions.set(owner, own)
    own.set(id, true)
  }

  #end(owner: string, id: string | undefined): void {
    const own = this.#sessions.get(owner)
    if (id !== undefined) own?.delete(id)
    if (own?.size === 0) this.#sessions.delete(owner)
  }
}

const hashOf = (auth: Principal): string => createHash('sha256').update(identityOf(auth)).digest('base64url')

/**
 * The id of the HTTP stream transport, and that of the SSE transport; undefined if the request target is no
 * URL. Parser differential: both are read as the framework reads them, and only one is taken.
 */
function sessionsOf({ headers, rawHeaders, url = '' }: IncomingMessage): string[] | undefined {
  // What the framework makes of a Web request has no raw headers, and no session. Platforms add an id to it.
  if (rawHeaders.length === 0) return []
  const base = `http://${headers.host}`
  if (!URL.canParse(url, base)) return undefined
  const ids = [headers['mcp-session-id'] ?? [], new URL(url, base).searchParams.getAll('sessionId')]
  return ids.flat()
}
