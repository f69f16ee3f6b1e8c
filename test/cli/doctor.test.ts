import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { domainXml } from '../support/domain-xml.ts'
import { newestQemu } from '../support/qemus.ts'
import { tempDir } from '../support/temp-dir.ts'

const stasis = join(import.meta.dirname, '../../bin/stasis')

interface Health {
  readonly findings: readonly {
    readonly check: string
    readonly verdict: string
    readonly text: string
  }[]
  readonly fixed: readonly string[]
}

/** Runs the command with `--json`. */
function doctor(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): { readonly status: number | null; readonly health: Health } {
  const { status, stdout } = spawnSync(stasis, ['doctor', '--json', ...args], {
    encoding: 'utf8',
    env: { ...process.env, ...env },
  })
  return { status, health: JSON.parse(stdout) as Health }
}

test('doctor examines the host without a change', async () => {
  await using dir = await tempDir()
  const state = dir.join('state')
  await mkdir(state, { mode: 0o755 })
  const env = { STASIS_STATE_DIR: state }
  const before = doctor([], env)
  assert.equal(before.status, 0)
  const [first] = before.health.findings.filter(({ text }) => text.includes(state))
  assert.deepEqual([first?.check, first?.verdict], ['directories', 'warning'])
  assert.equal((await stat(state)).mode & 0o777, 0o755)
  const names = new Set(before.health.findings.map(({ check }) => check))
  const old = ['directories', 'filter', 'qemu-user', 'userfaultfd', 'kvm', 'scope', 'node', 'qemu']
  for (const name of [...old, 'storage', 'huge-pages', 'limits', 'programs', 'libvirt', 'clock'])
    assert.ok(names.has(name), name)
  const qemu = before.health.findings.find(({ check }) => check === 'qemu')
  assert.match(qemu?.text ?? '', /^QEMU \d+\.\d+.* has multifd with zlib and zstd/)
})

test('doctor ends with the exit code of the first error', async () => {
  await using dir = await tempDir()
  const state = dir.join('state')
  await mkdir(state)
  spawnSync('chmod', ['777', state])
  const { status, health } = doctor([], { STASIS_STATE_DIR: state })
  assert.equal(status, 7)
  assert.ok(health.findings.some(({ verdict }) => verdict === 'error'))
})

const noNamespace =
  process.geteuid?.() !== 0
    ? 'only root makes users'
    : spawnSync('unshare', ['--mount', 'true']).status !== 0 && 'no mount namespaces here'

/** As if it were another host: its `/etc` and its userfaultfd device are copies. */
const OTHER_HOST = `
set -e
mount -t tmpfs tmpfs "$DIR/own"
cp -a /etc "$DIR/own/etc"
mount --bind "$DIR/own/etc" /etc
sed -i '/^stasis-qemu:/d' /etc/passwd /etc/group /etc/shadow
mkdir -p /etc/udev/rules.d
if [ -e /dev/userfaultfd ]; then
  cp -a /dev/userfaultfd "$DIR/own/device"
  mount --bind "$DIR/own/device" /dev/userfaultfd
fi
`

for (const { emulator, label } of newestQemu()) {
  test(
    `doctor --fix makes the user of QEMU and corrects a mode, and a lazy restore runs as that user [${label}]`,
    { skip: noNamespace },
    async (t) => {
      await using dir = await tempDir()
      await mkdir(dir.join('own'))
      const name = 'examined'
      const serial = { type: 'file', path: dir.join('serial') } as const
      await writeFile(dir.join('xml'), domainXml({ name, guest: 'tiny', emulator, serial }))
      const script = `${OTHER_HOST}
s() { "$STASIS" "$@" 2>> "$DIR/messages"; }
s define "$DIR/xml" > /dev/null
s doctor | grep 'QEMU runs as root'
chmod 755 "$STASIS_STATE_DIR"
s doctor --fix
stat -c 'mode %a' "$STASIS_STATE_DIR"
grep '^stasis-qemu:' /etc/passwd
[ ! -e /dev/userfaultfd ] || cat /etc/udev/rules.d/*stasis*
s start ${name} > /dev/null
s save ${name} "$DIR/image" > /dev/null
s restore --mode lazy "$DIR/image" > /dev/null
id=$(s dominfo ${name} | awk '/^Id/ { print $NF }')
echo "runs as $(awk '/^Uid/ { print $2 }' /proc/$id/status) of $(id -u stasis-qemu)"
s destroy ${name} > /dev/null
cat "$DIR/messages"
`
      const { status, stdout, stderr } = spawnSync('unshare', ['--mount', 'sh', '-c', script], {
        encoding: 'utf8',
        env: {
          ...process.env,
          DIR: dir.path,
          STASIS: stasis,
          STASIS_STATE_DIR: dir.join('state'),
          STASIS_QEMU_USER: '',
        },
      })
      assert.equal(status, 0, stdout + stderr)
      assert.match(stdout, /^fixed +made the user stasis-qemu, without a login$/m)
      assert.match(stdout, /^mode 700$/m)
      assert.match(stdout, /^stasis-qemu:x:\d+:\d+::\/nonexistent:.*(nologin|false)$/m)
      const [, uid, of] = /^runs as (\d+) of (\d+)$/m.exec(stdout) ?? []
      if (!stdout.includes('gave /dev/userfaultfd')) return t.skip('no /dev/userfaultfd here')
      assert.match(stdout, /^KERNEL=="userfaultfd"/m)
      assert.equal(uid, of, stdout)
      assert.doesNotMatch(stdout, /runs as root: for a lazy restore/)
    },
  )
}
