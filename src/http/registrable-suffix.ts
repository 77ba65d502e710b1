/**
 * The part of a host name that one owner registers, as far as it can be told without the list of public
 * suffixes: two labels, or three below a country's second level such as `co.uk`. An address is itself. For
 * rate limits: the owner of a name owns all names below it.
 */
export function registrableSuffix(hostname: string): string {
  if (/^\[|^[\d.]+$/.test(hostname)) return hostname
  const labels = hostname.replace(/\.$/, '').split('.')
  const [second = '', top = ''] = labels.slice(-2)
  const length =
    top.length === 2 && /^(?:ac|co|com|edu|gob|gov|go|gv|mil|ne|net|nom|or|org)$/.test(second) ? 3 : 2
  return labels.slice(-length).join('.')
}
