import { OAuthError } from '../errors.ts'

/**
 * An error that the user reads on a page of this server: what is wrong, and what to do. It never redirects.
 */
export class PageError extends OAuthError {
  readonly title: string
  readonly advice: string

  constructor(
    code: string,
    {
      title,
      problem,
      advice,
      status = 400,
    }: { title: string; problem: string; advice: string; status?: number },
  ) {
    super(code, problem, { status })
    this.title = title
    this.advice = advice
  }
}

/** 400: the form or the sign-in came back after its lifetime. */
export const expiredError = (): PageError =>
  new PageError('invalid_request', {
    title: 'This took too long',
    problem: 'The request has expired',
    advice: 'Nothing was shared. Start again from the app.',
  })

/** 400: the user has approved or denied this request before, so it issues no second code. */
export const answeredError = (): PageError =>
  new PageError('invalid_request', {
    title: 'This was answered already',
    problem: 'A request can be answered once',
    advice: 'If the app is still waiting, start again from the app.',
  })

/** 403: the form or callback does not belong to this browser, or another site sent it (CSRF). */
export const forgedError = (problem: string): PageError =>
  new PageError('invalid_request', {
    title: 'This form cannot be accepted',
    problem,
    advice:
      'Nothing was shared. Make sure that your browser accepts cookies from this site, ' +
      'then start again from the app.',
    status: 403,
  })
