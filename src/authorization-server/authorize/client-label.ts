import type { Client } from '../context.ts'
import type { ClientLabel } from '../page/consent.ts'
import { isSharedHost } from './shared-hosts.ts'

/**
 * Impersonation: any client can claim any name, so the page says what vouches for it. A client document's
 * host vouches if the answer goes to the same origin and only the host's owner can publish at that place.
 */
export function labelClient({ id, kind }: Client, redirectUri: string): ClientLabel {
  if (kind === 'preregistered') return { label: 'known' }
  if (kind === 'registered') return { label: 'unverified' }
  const url = new URL(id)
  const isPublished = url.origin === new URL(redirectUri).origin && isOwnersPlace(url)
  return { label: isPublished ? 'published' : 'unverified', host: url.host }
}

/**
 * A well-known place or one directly below the root, which is never a user's of that host. Plain characters
 * only: a server may read `%2f` or `;` as another path, and `~` and `@` begin a user's name.
 */
const isOwnersPlace = ({ pathname, search, hostname }: URL): boolean =>
  /^\/(?:\.well-known\/[\w./-]+|[\w.-]+)$/.test(pathname) && search === '' && !isSharedHost(hostname)
