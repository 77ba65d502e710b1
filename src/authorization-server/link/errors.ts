import type { Identity } from '../../types.ts'
import type { Context } from '../context.ts'
import { forgedError, PageError } from '../page-error.ts'
import { cleanText } from '../page/text.ts'

/** 400: the URL was not made here, or was changed. */
export const brokenLinkError = (): PageError =>
  new PageError('invalid_request', {
    title: 'This link does not work',
    problem: 'It is not a link of this server, or it is not complete',
    advice: 'Nothing was shared. Start again from the app.',
  })

/** 400: what asked for the link is no longer connected. */
export const disconnectedError = (): PageError =>
  new PageError('invalid_request', {
    title: 'The app is no longer connected',
    problem: 'The app that asked for this account has been disconnected',
    advice: 'Nothing was shared. Connect the app again, then start again from there.',
  })

/**
 * 403, with an event. Account linking: an attacker sends the URL that was made for the attacker, and the
 * account of the victim who opens it would serve the attacker. So only the user whom it was made for can use
 * it, and only while signed in here as exactly that user.
 */
export function otherUserError(
  { issuer, runtime }: Context,
  { provider, subject }: { readonly provider: string; readonly subject: string },
  user: Identity | undefined,
): PageError {
  const detail = `${provider}: ${user === undefined ? 'the user is not signed in' : 'another user is signed in'}`
  runtime.event({ type: 'account.link-refused', level: 'warning', issuer, subject, status: 403, detail })
  const who = user && cleanText(user.name ?? user.subject)
  return new PageError('access_denied', {
    title: user === undefined ? 'You are not signed in' : 'This link is for another user',
    problem:
      user === undefined
        ? 'You have signed out in the meantime'
        : 'The link was made for another user than the one who is signed in here',
    advice:
      `${who === undefined ? '' : `You are signed in as ${who}. `}Nothing was shared. If another person sent you ` +
      'this link, close this page. If the link is yours, sign in as the user that the app is connected ' +
      'with, and start again from the app.',
    status: 403,
  })
}

/** 403: the form or the callback belongs to no link with this provider. */
export const forgedLinkForm = (): PageError => forgedError('It belongs to no account that can be linked here')
