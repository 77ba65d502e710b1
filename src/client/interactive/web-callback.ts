import { defined } from '../../lib/defined.ts'
import type { ClientContext } from '../context.ts'
import { isCallbackPath } from '../identity/issuer-redirect.ts'
import { answeredRecord, readRecord, saveRecord, type AnsweredRecord } from '../records.ts'
import { finishAuthorization, PromptRefusedError } from './callback.ts'
import { answerFailure, answerSuccess, redirectTo, successPage } from './page.ts'
import { startAuthorization } from './user-authorization.ts'
import { recordKeys } from '../record-keys.ts'

/** Answers the request at the redirect URI of a web application; 404 at another path. */
export async function answerCallback(context: ClientContext, request: Request): Promise<Response> {
  const { redirect } = context.options
  const arrived = new URL(request.url)
  // Only paths are compared: behind a proxy request.url may have any host.
  if (typeof redirect !== 'string' || request.method !== 'GET' || !isCallbackPath(arrived.pathname, redirect))
    return new Response('Not found', { status: 404 })
  try {
    return await answerOnce(context, arrived)
  } catch (error) {
    return answerFailure(context, error)
  }
}

/**
 * Browsers load a page twice, and users reload it: the same address gets the same answer, without another
 * exchange.
 */
async function answerOnce(context: ClientContext, arrived: URL): Promise<Response> {
  const { storage, runtime } = context
  const key = await recordKeys.answered(arrived)
  return storage.exclusively(key, async () => {
    const { subject, authorizationTimeout } = context.options
    const before = await readRecord(context, answeredRecord, key)
    if (before?.subject === subject && before.expiresAt > runtime.clock())
      return before.location === undefined ? successPage() : redirectTo(before.location)
    const answer = await finishOrRetry(context, arrived)
    const location = answer.headers.get('location')
    const expiresAt = runtime.clock() + authorizationTimeout
    const record: AnsweredRecord = defined({ subject, location: location ?? undefined, expiresAt })
    // The user is signed in, even if this cannot be stored.
    await saveRecord(context, answeredRecord, key, record, { expiresAt, owner: subject }).catch(
      (error: unknown) => runtime.failed(error, 'storage'),
    )
    return answer
  })
}

async function finishOrRetry(context: ClientContext, arrived: URL): Promise<Response> {
  try {
    const { tokens: _, ...authorized } = await finishAuthorization(context, arrived)
    return await answerSuccess(context, authorized)
  } catch (error) {
    if (!(error instanceof PromptRefusedError)) throw error
    const { url } = await startAuthorization(error.connection, error.scopes, { prompts: false })
    return redirectTo(url.href)
  }
}
