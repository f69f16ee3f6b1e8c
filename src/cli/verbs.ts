import { LOOKING_VERBS } from './looking-verbs.ts'
import { type VerbEntry, type VerbGroup, entry } from './verb-entry.ts'

/** Every verb, in the groups and in the order of `--help`. */
export const VERB_GROUPS: readonly VerbGroup[] = [
  {
    title: 'Domains',
    keyword: 'domain',
    verbs: [
      entry('define', 'define a domain from an XML file', () => import('./verbs/define.ts')),
      entry(
        'create',
        'start a domain that is gone when it ends',
        () => import('./verbs/create.ts'),
      ),
      entry('edit', 'edit the definition of a domain', () => import('./verbs/edit.ts')),
      entry('undefine', 'remove the definition of a domain', () => import('./verbs/undefine.ts')),
      entry(
        'start',
        'start a domain, from its managed save if it has one',
        () => import('./verbs/start.ts'),
      ),
      entry('shutdown', 'ask a guest to shut down', () => import('./verbs/shutdown.ts')),
      entry('reboot', 'ask a guest to reboot', () => import('./verbs/reboot.ts')),
      entry(
        'reset',
        'reset a domain at once, as its reset button would',
        () => import('./verbs/reset.ts'),
      ),
      entry(
        'destroy',
        'stop a running domain at once, as if its power were cut',
        () => import('./verbs/destroy.ts'),
      ),
      entry('suspend', 'pause a running domain', () => import('./verbs/suspend.ts')),
      entry('resume', 'resume a paused domain', () => import('./verbs/resume.ts')),
      entry(
        'dompmwakeup',
        'wake a domain that has suspended itself to RAM',
        () => import('./verbs/dompmwakeup.ts'),
      ),
      entry(
        'domfsfreeze',
        'freeze the file systems of a guest through its agent',
        () => import('./verbs/domfsfreeze.ts'),
      ),
      entry(
        'domfsthaw',
        'thaw the file systems of a guest through its agent',
        () => import('./verbs/domfsthaw.ts'),
      ),
      entry(
        'autostart',
        'make a domain start with the host, or not',
        () => import('./verbs/autostart.ts'),
      ),
      entry('domrename', 'rename a domain', () => import('./verbs/domrename.ts')),
      entry('dumpxml', 'show the XML of a domain', () => import('./verbs/dumpxml.ts')),
      LOOKING_VERBS.desc,
      entry(
        'console',
        'connect the terminal to the serial console of a domain',
        () => import('./verbs/console.ts'),
      ),
      entry(
        'change-media',
        'change the medium of a CD-ROM or floppy drive',
        () => import('./verbs/change-media.ts'),
      ),
      entry(
        'screenshot',
        'save a picture of the screen of a guest',
        () => import('./verbs/screenshot.ts'),
      ),
      entry(
        'send-key',
        'press keys of the keyboard of a guest',
        () => import('./verbs/send-key.ts'),
      ),
      entry(
        'inject-nmi',
        'send a non-maskable interrupt to a guest',
        () => import('./verbs/inject-nmi.ts'),
      ),
      entry('dompmsuspend', 'let a guest suspend itself', () => import('./verbs/dompmsuspend.ts')),
      entry(
        'domxml-to-native',
        'show the command line of QEMU for a domain XML',
        () => import('./verbs/domxml-to-native.ts'),
      ),
      entry('domtime', 'show or set the clock of a guest', () => import('./verbs/domtime.ts')),
      entry(
        'domhostname',
        'show the name that a guest has for itself',
        () => import('./verbs/domhostname.ts'),
      ),
      entry(
        'qemu-monitor-command',
        'send a command to the monitor of QEMU',
        () => import('./verbs/qemu-monitor-command.ts'),
      ),
      entry(
        'qemu-agent-command',
        'send a command to the agent in a guest',
        () => import('./verbs/qemu-agent-command.ts'),
      ),
    ],
  },
  {
    title: 'Saving and restoring',
    keyword: 'save',
    verbs: [
      entry(
        'save',
        'save a running domain to a file, then stop it',
        () => import('./verbs/save.ts'),
      ),
      entry('restore', 'restore a domain from a save image', () => import('./verbs/restore.ts')),
      entry(
        'managedsave',
        'save a running domain for its next start, then stop it',
        () => import('./verbs/managedsave.ts'),
      ),
      entry(
        'managedsave-remove',
        'delete the managed save of a domain',
        () => import('./verbs/managedsave-remove.ts'),
      ),
      entry(
        'managedsave-dumpxml',
        'show the domain XML in a managed save',
        () => import('./verbs/managedsave-dumpxml.ts'),
      ),
      entry(
        'managedsave-define',
        'change the domain XML in a managed save',
        () => import('./verbs/managedsave-define.ts'),
      ),
      entry(
        'managedsave-edit',
        'edit the domain XML in a managed save',
        () => import('./verbs/managedsave-edit.ts'),
      ),
      entry(
        'postcopy-recover',
        'load the rest of the memory of a domain that lost its page server',
        () => import('./verbs/postcopy-recover.ts'),
      ),
      LOOKING_VERBS.domjobinfo,
      entry(
        'domjobabort',
        'cancel a save or restore that another process is doing',
        () => import('./verbs/domjobabort.ts'),
      ),
    ],
  },
  {
    title: 'Save images',
    keyword: 'image',
    verbs: [
      entry(
        'images',
        'list the images that were written or restored here, and delete old ones',
        () => import('./verbs/images.ts'),
      ),
      entry(
        'image-info',
        'show what a save image contains, and verify it',
        () => import('./verbs/image-info.ts'),
      ),
      entry(
        'image-check',
        'check whether a save image can be restored on this host',
        () => import('./verbs/image-check.ts'),
      ),
      entry(
        'image-verify',
        'read a whole save image and list all damage',
        () => import('./verbs/image-verify.ts'),
      ),
      entry(
        'image-salvage',
        'make a new image of a damaged one, without its damaged pages',
        () => import('./verbs/image-salvage.ts'),
      ),
      entry(
        'image-convert',
        'convert a save image to another format',
        () => import('./verbs/image-convert.ts'),
      ),
      entry(
        'image-cache',
        'keep the memory of save images uncompressed, so that a restore can map it',
        () => import('./verbs/image-cache.ts'),
      ),
      entry(
        'save-image-dumpxml',
        'show the domain XML in a save image',
        () => import('./verbs/save-image-dumpxml.ts'),
      ),
      entry(
        'save-image-define',
        'replace the domain XML in a save image',
        () => import('./verbs/save-image-define.ts'),
      ),
      entry(
        'save-image-edit',
        'edit the domain XML in a save image',
        () => import('./verbs/save-image-edit.ts'),
      ),
    ],
  },
  {
    title: 'Looking at domains',
    keyword: 'monitor',
    verbs: [
      LOOKING_VERBS.list,
      entry(
        'top',
        'show guests, saves and restores on the full screen',
        () => import('./verbs/top.ts'),
      ),
      entry('dominfo', 'show facts about a domain', () => import('./verbs/dominfo.ts')),
      LOOKING_VERBS.domstate,
      LOOKING_VERBS.domid,
      LOOKING_VERBS.domuuid,
      LOOKING_VERBS.domname,
      LOOKING_VERBS.domblklist,
      LOOKING_VERBS.domiflist,
      LOOKING_VERBS.vncdisplay,
      LOOKING_VERBS.domdisplay,
      LOOKING_VERBS.ttyconsole,
      LOOKING_VERBS.domstats,
      LOOKING_VERBS.dommemstat,
      LOOKING_VERBS.domblkinfo,
      LOOKING_VERBS.domblkstat,
      LOOKING_VERBS.domifstat,
      LOOKING_VERBS.vcpucount,
      LOOKING_VERBS.vcpuinfo,
      LOOKING_VERBS.domcontrol,
      entry(
        'domifaddr',
        'show the network addresses of a guest',
        () => import('./verbs/domifaddr.ts'),
      ),
      entry('event', 'wait for lifecycle events of domains', () => import('./verbs/event.ts')),
    ],
  },
  {
    title: 'The host',
    keyword: 'host',
    verbs: [
      entry(
        'host-save',
        'save all running domains of the host',
        () => import('./verbs/host-save.ts'),
      ),
      entry(
        'host-resume',
        'start the domains that host-save has saved',
        () => import('./verbs/host-resume.ts'),
      ),
      entry(
        'doctor',
        'examine this host, and mend what makes it unsafe',
        () => import('./verbs/doctor.ts'),
      ),
    ],
  },
  {
    title: 'libvirt, and QEMUs that others started',
    keyword: 'foreign',
    verbs: [
      entry('import', 'take domains over from libvirt', () => import('./verbs/import.ts')),
      entry('export', 'give domains to libvirt', () => import('./verbs/export.ts')),
      entry(
        'attach',
        'take over a running QEMU that Stasis did not start',
        () => import('./verbs/attach.ts'),
      ),
      entry('detach', 'release a QEMU that was taken over', () => import('./verbs/detach.ts')),
    ],
  },
  {
    title: 'Stasis itself',
    keyword: 'stasis',
    verbs: [
      entry(
        'history',
        'show what was saved, restored, started and destroyed',
        () => import('./verbs/history.ts'),
      ),
      entry(
        'config',
        'show each value of the configuration, and where it comes from',
        () => import('./verbs/config.ts'),
      ),
      entry(
        'completion',
        'write the completion of this command line for a shell',
        () => import('./verbs/completion.ts'),
      ),
      entry(
        'systemd-units',
        'show or write the systemd units that run this Stasis',
        () => import('./verbs/systemd-units.ts'),
      ),
      entry(
        'version',
        'show the versions of Stasis, Node and QEMU',
        () => import('./verbs/version.ts'),
      ),
      entry('echo', 'show words', () => import('./verbs/echo.ts')),
      entry(
        'connect',
        'choose the domains of root or of the user, at the prompt or in a script',
        () => import('./verbs/connect.ts'),
      ),
      entry('cd', 'change the directory for the next commands', () => import('./verbs/cd.ts')),
      entry('pwd', 'show the directory', () => import('./verbs/pwd.ts')),
      entry('quit', 'end the prompt or script', () => import('./verbs/quit.ts')),
      entry('exit', 'end the prompt or script', () => import('./verbs/exit.ts')),
    ],
  },
]

/** Every verb. */
export const VERBS: readonly VerbEntry[] = VERB_GROUPS.flatMap(({ verbs }) => verbs)
