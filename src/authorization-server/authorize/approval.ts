import { randomToken } from '../../lib/random.ts'
import type { Context } from '../context.ts'
import type { Choices } from '../options.ts'
import type { AuthorizationRequest } from './request.ts'

/** What the user has approved. It becomes a grant, or waits in the sign-in's cookie. */
export interface Approval {
  /** Of the grant that it becomes: one approval makes one grant. */
  readonly grantId: string
  /** With the access that the user chose. */
  readonly request: AuthorizationRequest
  /** Whether the consent is to be remembered. */
  readonly remember: boolean
  /** Until when the same approval can be sent again, in seconds since the epoch. */
  readonly repeatableUntil: number
  /** The account that the page named, if it named one. */
  readonly subject?: string
  /** Undefined: the user was not known, and so was not asked. */
  readonly choices?: Choices
}

/** An approval that no form was sent for, because the user remembered it. */
export const newApproval = (
  { options, runtime }: Context,
  request: AuthorizationRequest,
  subject: string,
  choices: Choices,
): Approval => ({
  grantId: randomToken(),
  request,
  remember: false,
  repeatableUntil: runtime.clock() + options.lifetimes.transaction,
  subject,
  choices,
})
