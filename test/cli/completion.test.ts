import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { Command } from 'commander'
import { VERBS } from '../../src/cli/verbs.ts'
import { cacheDir } from '../support/cache-dir.ts'
import { stasis } from '../support/stasis-command.ts'
import { type TempDir, tempDir } from '../support/temp-dir.ts'

/** zsh and fish, by `scripts/shells`. */
const shells = join(cacheDir, 'shells')
const skip = existsSync(join(shells, 'usr/bin/fish')) ? false : 'run `sh scripts/shells`'

/** Lines and candidates for the word at their ends, the same in every shell. */
const LINES: readonly (readonly [string, readonly string[]])[] = [
  ['stasis compl', ['completion']],
  ['stasis completion ', ['bash', 'fish', 'zsh']],
  ['stasis start ', ['db', 'my vm', 'web']],
  ['stasis start w', ['web']],
  ['stasis --state-dir /srv/vms start w', ['web']],
  ['stasis start --domain w', ['web']],
  ['stasis start web x', []],
  ['stasis start --mo', ['--mode']],
  ['stasis start --mode ', ['auto', 'lazy', 'load', 'map']],
  ['stasis start --mode lazy w', ['web']],
  ['stasis list --state-r', ['--state-running']],
  ['stasis save web /etc/hostn', ['/etc/hostname']],
  ['stasis image-verify /a /b /etc/hostn', ['/etc/hostname']],
  ['stasis nosuch ', []],
]

describe('stasis completion', () => {
  let dir: TempDir

  before(async () => {
    dir = await tempDir()
    for (const shell of ['bash', 'zsh', 'fish']) {
      const { exitCode, stdout } = await stasis(dir.path, 'completion', shell)
      assert.equal(exitCode, 0)
      await writeFile(dir.join(shell), stdout)
    }
    // In place of the command: it says which domains there are, and keeps how it was called.
    await mkdir(dir.join('bin'))
    const fake = `#!/bin/sh\necho "$*" >>'${dir.join('calls')}'\nprintf '%s\\n' web 'my vm' db\n`
    await writeFile(dir.join('bin/stasis'), fake)
    await chmod(dir.join('bin/stasis'), 0o755)
  })
  after(() => dir[Symbol.asyncDispose]())

  async function calls(): Promise<readonly string[]> {
    return [...new Set((await readFile(dir.join('calls'), 'utf8')).trim().split('\n'))]
  }

  function run(program: string, args: readonly string[], more: NodeJS.ProcessEnv = {}): string {
    const env = { PATH: `${dir.join('bin')}:/usr/bin:/bin`, HOME: dir.path, ...more }
    const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8', env })
    assert.equal(status, 0, `${program}: ${stderr}`)
    return stdout
  }

  /** Words are divided at blanks: no line has quotes. */
  function inBash(line: string): readonly string[] {
    const code = [
      `source '${dir.join('bash')}'`,
      'COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)); _stasis',
      'for each in "${COMPREPLY[@]}"; do eval "printf \'%s\\n\' $each"; done',
    ]
    const out = run('bash', ['--norc', '-c', code.join('\n'), 'bash', ...line.split(' ')])
    return out.split('\n').filter((word) => word !== '')
  }

  for (const [line, expected] of LINES)
    test(`bash completes \`${line}\``, () => assert.deepEqual(inBash(line).toSorted(), expected))

  test('bash completes the domains of the state directory or connection that was given', async () => {
    assert.deepEqual(inBash('stasis -c qemu : ///session start d'), ['db'])
    assert.deepEqual(inBash('stasis start --mode = l'), ['lazy', 'load'])
    assert.deepEqual(await calls(), [
      'list --all --name',
      '--state-dir /srv/vms list --all --name',
      '--connect qemu:///session list --all --name',
    ])
  })

  test('bash offers every verb, every option of every verb, and every choice', async () => {
    assert.deepEqual(inBash('stasis ').toSorted(), VERBS.map(({ name }) => name).toSorted())
    for (const { name, load } of VERBS) {
      const { options } = (await load()).declare(new Command(name))
      const offered = inBash(`stasis ${name} -`)
      for (const { long, argChoices } of options) {
        assert.ok(offered.includes(long ?? ''), `${name} ${long}`)
        if (argChoices !== undefined)
          assert.deepEqual(inBash(`stasis ${name} ${long} `), argChoices)
      }
      assert.ok(offered.includes('--json') && offered.includes('--help'), name)
    }
  })

  test('fish completes the same', { skip }, async () => {
    const code = `source '${dir.join('fish')}'; for line in $argv; complete -C $line; echo ====; end`
    const env = { LD_LIBRARY_PATH: join(shells, 'usr/lib/x86_64-linux-gnu') }
    const lines = LINES.map(([line]) => line)
    const args = ['--no-config', '-c', code, ...lines]
    const out = run(join(shells, 'usr/bin/fish'), args, env)
    const answers = out.split('====\n').map((text) => text.split('\n').filter((one) => one !== ''))
    for (const [index, [line, expected]] of LINES.entries()) {
      const words = (answers[index] ?? []).map((word) => word.split('\t')[0] ?? '')
      assert.deepEqual(words.toSorted(), expected, line)
    }
    assert.ok((await calls()).includes('--state-dir /srv/vms list --all --name'))
  })

  test('zsh completes the same', { skip }, async () => {
    const lib = join(shells, 'usr/lib/x86_64-linux-gnu/zsh')
    const setUp = `
      module_path=(${lib}/*(N/[1]))
      fpath=(${shells}/usr/share/zsh/functions/**/*(N/))
      autoload -Uz compinit; compinit -u -D
      source '${dir.join('zsh')}'
      PROMPT= LISTMAX=100000
      setopt no_beep
      compadd() {
        local -a hits
        builtin compadd -O hits "$@"
        (( $#hits )) && print -rl -- $hits >>'${dir.join('hits')}'
        return 1
      }
      print READY-$((1+1))`
    // A terminal is needed: zsh completes only what is being typed.
    const drive = `
      module_path=(${lib}/*(N/[1]))
      zmodload zsh/zpty
      zpty z ${join(shells, 'bin/zsh')} -f -i
      zpty -w z "source '${dir.join('set-up')}'"
      zpty -r -m z out '*READY-2*'
      for line in "$@"; do
        zpty -w -n z "$line"$'\\t'
        for (( i = 0; i < 10; i++ )) { [[ -s '${dir.join('hits')}' ]] && break; sleep 0.05 }
        zpty -w -n z $'\\C-u'"print D-\\$((3+3))"$'\\n'
        zpty -r -m z out '*D-6*'
        [[ ! -e '${dir.join('hits')}' ]] || cat '${dir.join('hits')}'
        rm -f '${dir.join('hits')}'
        print -r -- '===='
      done
      zpty -d z`
    await writeFile(dir.join('set-up'), setUp)
    await writeFile(dir.join('drive'), drive)
    const lines = LINES.map(([line]) => line)
    const out = run(join(shells, 'bin/zsh'), ['-f', dir.join('drive'), ...lines])
    const answers = out.split('====\n').map((text) => text.split('\n').filter((one) => one !== ''))
    for (const [index, [line, expected]] of LINES.entries()) {
      const offered = [...new Set(answers[index])]
      // It offers paths in pieces, and options beside arguments.
      if (line.includes('/etc/')) assert.ok(offered.includes('hostname'), line)
      else if (/ -\S*$/.test(line)) assert.deepEqual(offered, expected, line)
      else
        assert.deepEqual(offered.filter((word) => !word.startsWith('-')).toSorted(), expected, line)
    }
    assert.ok((await calls()).some((call) => call.startsWith('--state-dir /srv/vms')))
  })
})
