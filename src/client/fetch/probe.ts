import { challengeOf, demand, type OwnChallenge } from './authorized-fetch.ts'
import type { ClientContext } from '../context.ts'
import { discover } from '../discovery/discovery.ts'
import type { ServerRecord } from '../storage/records.ts'
import { replayable, send } from './request.ts'

/**
 * Discovery before any request was refused. The server's own challenge says best where its metadata are and what to ask for; a server
 * that gives none in time has its metadata.
 */
export async function probe(
  context: ClientContext,
  server: string,
): Promise<{ found: ServerRecord; challenge: OwnChallenge | undefined }> {
  const look = { headers: { accept: 'text/event-stream' }, signal: AbortSignal.timeout(5000) }
  const response = await send(context, await replayable(server, look), undefined).catch(() => undefined)
  const challenge = response && challengeOf(response)
  await response?.body?.cancel()
  const found = await discover(context, server, challenge?.parameters['resource_metadata'])
  return { found: demand(found, challenge), challenge }
}
