import { headers } from 'next/headers'
import { identify } from './auth.ts'
import { notesOf } from './notes.ts'
import { PUBLIC_URL } from './shared.ts'

export default async function Home() {
  const user = await identify({ headers: await headers() })
  return (
    <main>
      <title>Notes</title>
      <h1>Notes</h1>
      {user === undefined ? (
        <p>
          <a href="/sign-in">Sign in</a>
        </p>
      ) : (
        <>
          <p>You are {user.name}.</p>
          <ul>
            {[...notesOf(user.subject)].map(([title, text]) => (
              <li key={title}>
                <b>{title}</b>: {text}
              </li>
            ))}
          </ul>
          <p>
            Connect an MCP client to <code>{PUBLIC_URL}/mcp</code>, and see{' '}
            <a href="/oauth/account">which ones are connected</a>.
          </p>
          <form method="post" action="/sign-out">
            <button>Sign out</button>
          </form>
        </>
      )}
    </main>
  )
}
