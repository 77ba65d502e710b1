export async function register(): Promise<void> {
  if (process.env.NEXT_RUNTIME !== 'nodejs') return
  const { joinAuthorizationHeaders } = await import('../../../src/adapter/node.ts')
  joinAuthorizationHeaders()
}
