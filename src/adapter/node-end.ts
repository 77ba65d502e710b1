import type { ServerResponse } from 'node:http'
import type { AdmittedRequest } from '../index.ts'

/** A stream ends with its token. Most answers are complete by now and need no watch. */
export function endWithToken(outgoing: ServerResponse, admitted: AdmittedRequest): void {
  if (outgoing.writableEnded || outgoing.closed) return
  const stop = admitted.onEnd(() => endAnswer(outgoing))
  outgoing.once('close', stop)
}

/** Ends an answer that the handler may still be writing. */
function endAnswer(outgoing: ServerResponse): void {
  if (outgoing.writableEnded || outgoing.closed) return
  // A transport that has not noticed yet may write once more.
  outgoing.on('error', () => undefined)
  outgoing.end(() => outgoing.destroy())
}
