/**
 * Schemes that a browser or the system runs, reads or opens itself, registered schemes of the network, and
 * those of which any web page may become the handler. An authorization response sent there would run as a
 * script (XSS), open a local file, start a system handler, or reach a web site that the consent page does
 * not name.
 */
const dangerous = new Set(
  (
    'about acap afp android-app app-settings applescript apt attachment bitcoin blob cabal callto cid cifs content dat data dav davs ' +
    'devtools dict did dweb ethereum facetime feed file filesystem finger ftp ftps geo git gopher hcp help hyper im imap intent ipfs ipns ' +
    'ipp ipps irc ircs isolated-app itms itms-apps itms-appss itms-services itmss itpc jar javascript jnlp jnlps jscript ldap ldaps ' +
    'livescript local macappstore macappstores magnet mailto market matrix mhtml mid mk mms mocha news nfs nntp openpgp4fpr otpauth pcast ' +
    'pop prefs prospero rdp res resource rlogin rtmp rtsp search search-ms sftp shell shortcuts sip sips smb smbs sms smsto snews ssb ssh ' +
    'steam svn tag tel telnet tftp tn3270 upi urn vbs vbscript view-cert view-source vnc wais webcal webcals workflow ws wss wtai wyciwyg ' +
    'xmpp'
  ).split(' '),
)
/**
 * Families of them: Windows handlers, pages and extensions of browsers, links that open one, system
 * handlers of Apple, what a website or an extension can claim (`web+…`, `ext+…`), and what looks like the
 * web itself.
 */
const family =
  /^(?:ms-|moz-|microsoft-edge|googlechrome|firefox|x-(?:safari|web|man)|touch-http|safari-|x-apple|(?:web|ext)\+|http(?!s?$)|(?:chrome|edge|opera|brave|vivaldi)(?:-|$)|its$|ms$)/

/**
 * Whether a link of this scheme must never be followed. Read as browsers read it: without blanks and
 * control characters.
 */
export function hasDangerousScheme(uri: string): boolean {
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(uri.slice(0, 2048).replaceAll(/[\0-\x20\x7f]/g, ''))?.[1]
  return scheme !== undefined && (dangerous.has(scheme.toLowerCase()) || family.test(scheme.toLowerCase()))
}
