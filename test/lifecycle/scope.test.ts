import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { defineDomain } from '../../src/index.ts'
import { domainXml } from '../support/domain-xml.ts'
import { newestQemu } from '../support/qemus.ts'
import { stasis } from '../support/stasis-command.ts'
import { tempDir } from '../support/temp-dir.ts'

const PATIENCE_MS = 60_000
const SYSTEMD = '/lib/systemd/systemd'
const NEEDED = [SYSTEMD, '/usr/bin/busctl', '/usr/bin/dbus-daemon']

/** A systemd that has nothing to do but to serve its bus, in namespaces of its own on a read-only copy of this host. */
const BOOT = `
set -e
mount --make-rprivate /
mount --bind / "$ROOT"
mount -o remount,ro,bind "$ROOT"
mount -t proc proc "$ROOT/proc"
mount -t tmpfs -o mode=755 tmpfs "$ROOT/run"
mount --rbind /dev "$ROOT/dev"
mount -t tmpfs tmpfs "$ROOT/sys"
mkdir -p "$ROOT/sys/fs/cgroup"
mount -t cgroup2 cgroup2 "$ROOT/sys/fs/cgroup"
mount --bind "$DIR/own" "$ROOT$DIR/own"
units="$ROOT/run/systemd/system"
mkdir -p "$units"
cat > "$units/bus.target" << 'UNIT'
[Unit]
DefaultDependencies=no
Wants=dbus.service
UNIT
cat > "$units/dbus.socket" << 'UNIT'
[Unit]
DefaultDependencies=no
[Socket]
ListenStream=/run/dbus/system_bus_socket
UNIT
cat > "$units/dbus.service" << 'UNIT'
[Unit]
DefaultDependencies=no
Requires=dbus.socket
[Service]
Type=notify
NotifyAccess=main
ExecStart=/usr/bin/dbus-daemon --system --address=systemd: --nofork --nopidfile --systemd-activation --syslog-only
UNIT
cp "$DIR/own/act" "$ROOT/run/act"
exec chroot "$ROOT" /bin/sh -c 'sh /run/act > "$DIR/own/result" 2>&1 & exec env -i container=other ${SYSTEMD} --system --unit=bus.target'
`

const ACT = `
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
  busctl list > /dev/null 2>&1 && break
  sleep 0.5
done
"$STASIS" start scoped-1
id=$("$STASIS" dominfo scoped-1 | awk '/^Id/ { print $NF }')
echo "group $(tail -n 1 /proc/$id/cgroup)"
"$STASIS" doctor | grep scope
"$STASIS" destroy scoped-1
echo over
`

const missing = NEEDED.find((path) => !existsSync(path))
const skip =
  (process.geteuid?.() !== 0 && 'only root has scopes') ||
  (missing !== undefined && `${missing} is not there`) ||
  (spawnSync('unshare', ['--mount', '--pid', '--fork', '--cgroup', 'true']).status !== 0 &&
    'no namespaces here')

for (const { emulator, label } of newestQemu()) {
  test(`systemd gives QEMU ${label} a scope in machine.slice`, { skip }, async (t) => {
    await using dir = await tempDir()
    const own = dir.join('own')
    await mkdir(own)
    await mkdir(dir.join('root'))
    const stateDir = join(own, 'state')
    const serial = { type: 'file', path: join(own, 'serial') } as const
    await defineDomain(domainXml({ name: 'scoped-1', guest: 'tiny', emulator, serial }), {
      stateDir,
    })
    // Makes the bundle: the files of this host are read-only later.
    await stasis(stateDir, 'doctor')
    await writeFile(join(own, 'act'), ACT)
    const kinds = ['--mount', '--pid', '--ipc', '--uts', '--cgroup']
    const argv = [...kinds, '--fork', '--kill-child', 'sh', '-c', BOOT]
    const system = spawn('unshare', argv, {
      stdio: 'ignore',
      env: {
        ...process.env,
        DIR: dir.path,
        ROOT: dir.join('root'),
        STASIS: join(import.meta.dirname, '../../bin/stasis'),
        STASIS_STATE_DIR: stateDir,
        STASIS_CACHE_DIR: join(own, 'cache'),
      },
    })
    let result = ''
    for (let waitedMs = 0; waitedMs < PATIENCE_MS && !result.includes('over'); waitedMs += 200) {
      if (system.exitCode !== null) break
      await delay(200)
      result = await readFile(join(own, 'result'), 'utf8').catch(() => '')
    }
    system.kill('SIGKILL')
    await delay(500)
    if (!result.includes('group')) return t.skip(`systemd does not start here: ${result}`)
    assert.match(result, /^group 0::\/machine\.slice\/stasis-scoped\\x2d1\.scope$/m)
    assert.match(result, /each QEMU gets a scope of systemd/)
  })
}
