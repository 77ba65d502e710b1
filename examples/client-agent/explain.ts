// What went wrong, in a sentence that says what to do.
import { InsufficientScopeError } from '@modelcontextprotocol/client'
import { isOAuthError } from 'tollgate/errors'
import type { Settings } from './settings.ts'

const sentences: Readonly<Record<string, string>> = {
  access_denied: 'The sign-in was refused. Run the command again to be asked again.',
  authorization_timeout: 'The user did not sign in within ten minutes. Run the command again.',
  temporarily_unavailable:
    'The authorization server cannot be reached. The tokens are kept: try again when it is back.',
  unknown_server: 'There are no tokens for this server: nothing to sign out of.',
}

/** By what the system says when there is no way to the server. */
const outages: Readonly<Record<string, string>> = {
  ENOTFOUND: 'has no address: is the URL right, and is there a network?',
  EAI_AGAIN: 'has no address: is there a network?',
  ECONNREFUSED: 'refuses the connection: does the server run?',
  ENETUNREACH: 'is out of reach: is there a network?',
  EHOSTUNREACH: 'is out of reach: is there a network?',
  ETIMEDOUT: 'does not answer.',
  ECONNRESET: 'ended the connection. Try again.',
}

export function explain(error: unknown, settings: Settings | undefined): string {
  for (const each of causesOf(error)) {
    if (isOAuthError(each)) return sentences[each.code] ?? `${each.message} (${each.code})`
    const outage = outages[(each as { code?: string }).code ?? '']
    if (outage !== undefined) return `${settings?.server.host ?? 'The server'} ${outage}`
  }
  if (error instanceof InsufficientScopeError) return refusedScopes(error.requiredScope, settings)
  return error instanceof Error ? error.message : String(error)
}

/** The client has requested them by now: the user left them out, or the agent may not have them. */
function refusedScopes(scopes: string | undefined, settings: Settings | undefined): string {
  const wayOut = settings?.self
    ? 'Add what is missing to AGENT_SCOPES, and allow it for this client at the authorization server.'
    : 'You did not allow that. Use --sign-out, and allow it at the next sign-in.'
  return `This needs the scopes ${scopes ?? 'of another account'}. ${wayOut}`
}

/** The error and what caused it; Node tries several addresses, and tells of each. */
function* causesOf(error: unknown): Generator<object> {
  if (typeof error !== 'object' || error === null) return
  yield error
  const { cause, errors = [] } = error as { cause?: unknown; errors?: unknown[] }
  for (const each of [cause, ...errors]) yield* causesOf(each)
}
