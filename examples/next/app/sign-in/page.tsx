const problems: Record<string, string> = {
  'sign-in': 'The email address or the password is wrong.',
  'sign-up': 'There is an account with this email address, or the password is shorter than 8 characters.',
  later: 'Too many attempts. Try again in a minute.',
}

/** A user who has a session can sign in again here: a client may ask for it (`prompt=login`, `max_age`). */
export default async function SignIn({
  searchParams,
}: {
  searchParams: Promise<Record<string, string | string[] | undefined>>
}) {
  const { return_to, login_hint, problem } = await searchParams
  const text = typeof problem === 'string' && Object.hasOwn(problems, problem) ? problems[problem] : undefined
  return (
    <main>
      <title>Sign in</title>
      <h1>Sign in</h1>
      {text !== undefined && <p role="alert">{text}</p>}
      <form method="post" action="/sign-in/submit">
        <input type="hidden" name="return_to" defaultValue={String(return_to ?? '/')} />
        <p>
          <label>
            Email address{' '}
            <input name="email" type="email" autoComplete="username" required defaultValue={login_hint} />
          </label>
        </p>
        <p>
          <label>
            Password <input name="password" type="password" autoComplete="current-password" required />
          </label>
        </p>
        <button name="action" value="sign-in">
          Sign in
        </button>{' '}
        <button name="action" value="sign-up">
          Create an account
        </button>
      </form>
    </main>
  )
}
