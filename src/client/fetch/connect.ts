import { connect, type Connection } from '../connection.ts'
import type { ClientContext } from '../context.ts'
import { discover } from '../discovery/discovery.ts'
import { readRecord, saveRecord, serverRecord } from '../records.ts'
import { challengeOf, withDpopDemand, type OwnChallenge } from './challenge.ts'
import { replayable, send } from './request.ts'
import { recordKeys } from '../record-keys.ts'
import { withoutQuery } from '../urls.ts'

/** Discovery after a challenge, once for parallel callers. The result is stored. */
export async function connectAfter(
  context: ClientContext,
  url: string,
  challenge: OwnChallenge | undefined,
): Promise<Connection> {
  const announced = challenge?.parameters['resource_metadata']
  const found = await context.discoveries.run(`${url} ${announced} ${challenge?.dpopOnly}`, async () => {
    const key = await recordKeys.server(url)
    const known = await readRecord(context, serverRecord, key)
    const latest = withDpopDemand(await discover(context, url, announced, known?.issuer), challenge)
    if (known !== undefined && known.issuer !== latest.issuer)
      context.runtime.event({
        type: 'client.issuer-changed',
        level: 'alert',
        issuer: latest.issuer,
        resource: withoutQuery(url),
      })
    await saveRecord(context, serverRecord, key, latest)
    return latest
  })
  return connect(context, url, found)
}

/** Seconds that the server has to answer {@link connectFirst}'s request. */
const probeTimeout = 5

/**
 * Discovery before any request was refused. A request without a token brings the server's challenge, which
 * says where its metadata are and what to request; without an answer in time, only the metadata count.
 */
export async function connectFirst(
  context: ClientContext,
  server: string,
): Promise<{ connection: Connection; challenge: OwnChallenge | undefined }> {
  const init = {
    headers: { accept: 'text/event-stream' },
    signal: AbortSignal.timeout(probeTimeout * 1000),
  }
  const response = await send(context, await replayable(server, init), undefined).catch(() => undefined)
  const challenge = response && challengeOf(response)
  await response?.body?.cancel()
  const found = await discover(context, server, challenge?.parameters['resource_metadata'])
  return { connection: await connect(context, server, withDpopDemand(found, challenge)), challenge }
}
