import { base64url, utf8 } from '../lib/bytes.ts'
import { plainSpelling, withoutQuery } from './urls.ts'

/** Keys are hashes of what comes from outside. The kind stands last, so that a store can shard them. */
export const recordKeys = {
  /** Without the query: transports put session ids there. */
  server: (url: string): Promise<string> => keyOf('server', withoutQuery(url)),
  /** The latest one at this issuer; with the client id, that very one, which older tokens still need. */
  registration: (issuer: string, clientId = ''): Promise<string> =>
    keyOf('client', JSON.stringify([issuer, clientId])),
  tokens: (issuer: string, resource: string, subject: string): Promise<string> =>
    keyOf('tokens', JSON.stringify([issuer, resource, subject])),
  tokenIndex: (server: string, subject: string): Promise<string> =>
    keyOf('token-index', JSON.stringify([plainSpelling(server), subject])),
  flow: (state: string): Promise<string> => keyOf('flow', state),
  answered: (arrived: URL): Promise<string> => keyOf('answered', arrived.pathname + arrived.search),
  /** For a lock, not for a record. */
  authorization: (name: string): Promise<string> => keyOf('authorization', name),
  sdk: (name: string): Promise<string> => keyOf('sdk', name),
}

const keyOf = async (kind: string, name: string): Promise<string> => `${await digestOf(kind, name)}:${kind}`

/** SHA-256 as base64url. The platform's own digest: this is not a hot path, and the bundle is smaller. */
export async function digestOf(kind: string, name: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', utf8(`client ${kind}\0${name}`))
  return base64url(new Uint8Array(digest))
}
