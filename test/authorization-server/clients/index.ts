import type { RealClient } from './client.ts'
import { claude } from './claude.ts'
import { claudeCode } from './claude-code.ts'
import { chatgpt, chatgptPublic } from './chatgpt.ts'
import { codex } from './codex.ts'
import { cursor } from './cursor.ts'
import { vscode } from './vscode.ts'
import { copilotCli } from './copilot-cli.ts'
import { windsurf } from './windsurf.ts'
import { cline } from './cline.ts'
import { zed } from './zed.ts'
import { warp } from './warp.ts'
import { raycast } from './raycast.ts'
import { geminiCli } from './gemini-cli.ts'
import { goose } from './goose.ts'
import { opencode } from './opencode.ts'
import { librechat } from './librechat.ts'
import { inspector } from './inspector.ts'
import { mcpRemote } from './mcp-remote.ts'
import { sdkConfidential, sdkV1, sdkV2 } from './sdk.ts'

/** Every client of this folder. */
export const realClients: readonly RealClient[] = [
  claude,
  claudeCode,
  chatgpt,
  chatgptPublic,
  codex,
  cursor,
  vscode,
  copilotCli,
  windsurf,
  cline,
  zed,
  warp,
  raycast,
  geminiCli,
  goose,
  opencode,
  librechat,
  inspector,
  mcpRemote,
  sdkConfidential,
  sdkV1,
  sdkV2,
]
