/**
 * Schemes that a browser or the system runs, reads or opens itself, and registered schemes of the web. An authorization response sent there
 * would run as a script (XSS), open a local file, or start a system handler.
 */
const dangerous = new Set(
  (
    'about afp android-app app-settings applescript attachment blob callto cid cifs content data dav davs did ' +
    'facetime feed file filesystem ftp ftps geo git gopher hcp help imap intent ipfs ipns irc ircs itms itms-apps ' +
    'itms-appss itms-services itpc jar jscript ldap ldaps livescript local magnet mailto market mhtml mid mk mms mocha ' +
    'news nfs nntp otpauth pcast pop prefs rdp res resource rtmp rtsp search search-ms sftp shell shortcuts sip sips sms ' +
    'smsto smb smbs ssh steam svn tag tel telnet upi urn vbs vbscript view-source vnc webcal workflow ws wss wtai ' +
    'wyciwyg javascript xmpp'
  ).split(' '),
)
/**
 * Families of them: Windows handlers, pages and extensions of browsers, links that open one, system handlers of Apple, what a website can claim
 * (`web+…`), and what looks like the web itself.
 */
const family =
  /^(?:ms-|moz-|microsoft-edge|googlechrome|firefox|x-(?:safari|web|man)|touch-http|safari-|x-apple|web\+|http(?!s?$)|(?:chrome|edge|opera|brave|vivaldi)(?:-|$)|its$|ms$)/

/** Whether a link of this scheme must never be followed. Read as browsers read it: without blanks and control characters. */
export function hasDangerousScheme(uri: string): boolean {
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(uri.slice(0, 2048).replaceAll(/[\0-\x20\x7f]/g, ''))?.[1]
  return scheme !== undefined && (dangerous.has(scheme.toLowerCase()) || family.test(scheme.toLowerCase()))
}
