/**
 * Hosts at which anyone can publish, with all names below them. A document there says nothing about its
 * author. This is data: add a host that is missing.
 */
const sharedHosts: ReadonlySet<string> = new Set(
  `1drv.ms amazonaws.com amplifyapp.com appspot.com appwrite.global arweave.net awsapprunner.com azureedge.net azurefd.net
azurecontainerapps.io azurestaticapps.net azurewebsites.net b-cdn.net backblazeb2.com bitbucket.io
bitbucket.org blogspot.com bolt.host
carrd.co cloudapp.azure.com cloudapp.net cloudfront.net cloudfunctions.net code.run codeberg.org codeberg.page codesandbox.io convex.site
csb.app deno.dev deno.net digitaloceanspaces.com discordapp.com docs.google.com drive.google.com dropboxusercontent.com dweb.link
edgecompute.app elasticbeanstalk.com esm.sh firebaseapp.com fly.dev framer.app framer.website ghost.io githack.com github.com github.io
githubusercontent.com gitlab.com gitlab.io glitch.me googleapis.com googleusercontent.com gradio.live herokuapp.com hf.space
huggingface.co ipfs.io jsdelivr.net koyeb.app lhr.life linodeobjects.com loca.lt lovable.app medium.com myshopify.com netlify.app
ngrok-free.app ngrok-free.dev ngrok.app ngrok.dev ngrok.io notion.site now.sh on.aws ondigitalocean.app onrender.com oraclecloud.com
pages.dev pastebin.com r2.cloudflarestorage.com r2.dev railway.app raw.io repl.co replit.app replit.dev run.app scw.cloud sharepoint.com
sites.google.com sourceforge.io sourceforge.net squarespace.com statically.io streamlit.app substack.com supabase.co surge.sh
trycloudflare.com ts.net tumblr.com unpkg.com val.run vercel.app wasabisys.com web.app webcontainer.io webflow.io windows.net wixsite.com
wixstudio.com wordpress.com workers.dev zeabur.app`.split(/\s/),
)

/** Whether the host, or a domain above it, is one of them. */
export const isSharedHost = (hostname: string): boolean => {
  const labels = hostname.replace(/\.$/, '').split('.')
  return labels.some((_, i) => sharedHosts.has(labels.slice(i).join('.')))
}
