import { isUnavailableError } from '../../errors.ts'
import type { NewEvent } from '../../lib/runtime.ts'
import type { OfferedChoice } from '../choices.ts'
import type { Client, Context } from '../context.ts'
import { changeGrant, type Verdict } from '../grant/record.ts'
import type { GrantRecord } from '../grants.ts'
import type { TokenRequest } from './response.ts'
import type { HookAnswer } from './token-hook.ts'

/** One call with one code or refresh token. Its grant may be judged several times. */
export interface Attempt {
  readonly context: Context
  readonly client: Client
  readonly request: TokenRequest
  readonly grantId: string
  /** Hash of the code or refresh token. */
  readonly presented: string
  /** When the request came, in seconds since the epoch: a slow hook or store makes no replay of it. */
  readonly arrived: number
  /** Of the last judgement. */
  events: NewEvent[]
  /** What this call has tried to write: a series, or a generation. */
  tried?: string
  hookAnswer?: HookAnswer
  offeredChoices?: readonly OfferedChoice[]
}

/** Changes the grant by one conditional write, and reports the events of the verdict that stands. */
export async function changeAttemptedGrant<T>(
  attempt: Attempt,
  judge: (grant: GrantRecord | undefined, mayStand: boolean) => Promise<Verdict<T>>,
): Promise<T> {
  const { context, grantId, presented } = attempt
  const { keys, runtime, interruptedWrites } = context
  // Before the write: a code or token is not used up if there is no key to sign the next one.
  await keys.active()
  try {
    const judgeAnew: typeof judge = (grant, mayStand) => {
      attempt.events = []
      return judge(grant, mayStand)
    }
    return await changeGrant(context, grantId, judgeAnew, () => attempt.events.forEach(runtime.event))
  } catch (error) {
    if (isUnavailableError(error) && attempt.tried !== undefined)
      interruptedWrites.add(presented, attempt.tried)
    throw error
  }
}

/** What names the grant in an event. */
export const aboutGrant = (
  { context, client, grantId }: Attempt,
  { subject }: GrantRecord,
): Pick<NewEvent, 'issuer' | 'grantId' | 'clientId' | 'subject'> => ({
  issuer: context.issuer,
  grantId,
  clientId: client.id,
  subject,
})
