/** `PUBLIC_URL` without a slash at its end, so that paths can be appended. */
export function readPublicUrl(value: string): string {
  const { protocol = '', search = '', hash = '' } = URL.canParse(value) ? new URL(value) : {}
  if (!/^https?:$/.test(protocol) || search !== '' || hash !== '')
    throw new Error(`PUBLIC_URL must be a URL such as https://notes.example.com; got "${value}"`)
  return value.replace(/\/+$/, '')
}
