import type { IncomingMessage } from 'node:http'
import { Lru } from '../../lib/lru.ts'
import { samePrincipal } from '../../resource-server/sessions.ts'
import type { AuthInfo } from '../../types.ts'

/**
 * Session hijacking: the framework lets every authenticated caller use every session. Here the first caller
 * of a session owns it, and a session of another caller does not exist. The client gets the id in an answer,
 * so that its user is the first. Ids are kept in memory, up to 10 000, as the framework keeps the sessions
 * themselves.
 */
export class SessionOwners {
  readonly #owners = new Lru<AuthInfo>(10_000)

  /** Whether this caller may use the sessions that the message names. */
  admit(message: IncomingMessage, auth: AuthInfo): boolean {
    return sessionsOf(message).every((id) => {
      // The framework's ids have 36 characters.
      if (id.length > 200) return false
      const owner = this.#owners.get(id)
      if (owner !== undefined) return samePrincipal(owner, auth)
      this.#owners.set(id, auth)
      return true
    })
  }
}

/** The one of the HTTP stream transport, and the one of the SSE transport. */
function sessionsOf({ headers, url = '' }: IncomingMessage): string[] {
  const query = new URLSearchParams(url.split('?', 2)[1])
  const ids = [headers['mcp-session-id'], query.get('sessionId') ?? undefined].flat()
  return ids.filter((id) => id !== undefined)
}
