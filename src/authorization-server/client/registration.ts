import { InvalidTokenError } from '../../errors.ts'
import { readJson } from '../../http/body.ts'
import { noStore } from '../../http/cache-control.ts'
import { json } from '../../http/responses.ts'
import { constantTimeEqual } from '../../lib/equal.ts'
import { sha256 } from '../../lib/hash.ts'
import { readBearer } from '../../protocol/bearer.ts'
import { parseClientMetadata, type ClientMetadata } from '../../protocol/client-metadata.ts'
import { reportDropped } from './client.ts'
import type { Context } from '../context.ts'
import { jsonEndpoint } from '../endpoint.ts'

/** Registers a client under a new id: the sealed metadata, or the name of a record in the store. */
export type Register = (
  metadata: ClientMetadata,
  request: Request,
) => Promise<{ client: ClientMetadata; secret: string | undefined }>

/** The largest body of a registration request, in bytes. */
const maxBody = 32_768

/**
 * POST to the registration endpoint (RFC 7591 §3.1). The answer contains exactly the metadata that is
 * enforced from now on.
 */
export function registrationEndpoint(
  context: Context,
  register: Register,
): (request: Request) => Promise<Response> {
  const { issuer, options, runtime, limits } = context
  return jsonEndpoint(context, async (request) => {
    if (!(await mayRegister(request, options.initialAccessTokens))) {
      await limits.attempt('initial-access-token', request)
      throw new InvalidTokenError('Registration needs an initial access token')
    }
    const body = await readJson(request, maxBody)
    const dropped: string[] = []
    const metadata = parseClientMetadata(body, { ...options.redirects, source: 'registration', dropped })
    await limits.attempt('register', request)
    const { client, secret } = await register(metadata, request)
    runtime.event({ type: 'client.registered', level: 'info', issuer, clientId: client.client_id! })
    reportDropped(context, client.client_id!, dropped)
    const credentials = secret === undefined ? {} : { client_secret: secret, client_secret_expires_at: 0 }
    const issued = { client_id_issued_at: Math.floor(runtime.clock()) }
    return json({ ...client, ...issued, ...credentials }, { status: 201, headers: noStore })
  })
}

/**
 * Whether the request has an initial access token (RFC 7591 §3), if the deployment demands one. Rejects with
 * `invalid_token` if it is malformed.
 */
async function mayRegister(request: Request, accepted: readonly string[]): Promise<boolean> {
  if (accepted.length === 0) return true
  const given = readBearer(request)
  if (given === undefined) return false
  const hash = await sha256(given)
  const matches = await Promise.all(accepted.map(async (each) => constantTimeEqual(hash, await sha256(each))))
  return matches.includes(true)
}
