import './allow.ts'
import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'

const command = join(import.meta.dirname, '../../bin/stasis')

/** A command in a terminal of its own. It ends with its scope. */
export interface TerminalCommand extends Disposable {
  readonly child: ChildProcess
  /** What it has written so far. */
  readonly written: () => string
  /** Types on its keyboard. */
  readonly type: (text: string) => void
  readonly ended: Promise<{ readonly exitCode: number; readonly written: string }>
}

/** Starts `bin/stasis` in a pseudo-terminal of script(1), of this size. */
export function startInTerminal(
  stateDir: string,
  args: readonly string[],
  options: {
    readonly columns: number
    readonly rows?: number
    readonly env?: Readonly<Record<string, string>>
    /** Shows the command line first, as a person would have typed it. */
    readonly prompt?: string
  },
): TerminalCommand {
  const { columns, rows = 24, prompt } = options
  const shown = prompt === undefined ? '' : `printf '%s\\n' ${quoted(prompt)}; `
  const line = [command, ...args].map(quoted).join(' ')
  const env = { ...process.env, STASIS_STATE_DIR: stateDir, TERM: 'xterm', ...options.env }
  const child = spawn(
    'script',
    ['-qefc', `stty cols ${columns} rows ${rows} -echo; ${shown}${line}`, '/dev/null'],
    {
      env,
      stdio: ['pipe', 'pipe', 'inherit'],
    },
  )
  let written = ''
  child.stdout.setEncoding('utf8')
  child.stdout.on('data', (data: string) => (written += data))
  const ended = new Promise<{ exitCode: number; written: string }>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => resolve({ exitCode: code ?? -1, written }))
  })
  return {
    child,
    written: () => written,
    type: (text) => child.stdin.write(text),
    ended,
    // script(1) then hangs up the terminal.
    [Symbol.dispose]: () => void child.kill(),
  }
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`
}
