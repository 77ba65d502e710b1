// Next reads only the first of two Authorization headers; the guard wants to see both, to refuse them.
export async function register() {
  if (process.env.NEXT_RUNTIME !== 'nodejs') return
  const { joinAuthorizationHeaders } = await import('tollgate/node')
  joinAuthorizationHeaders()
}
