import { tmpdir } from 'node:os'
import { cacheDir } from './cache-dir.ts'

// Nothing of the configuration of whoever runs the tests.
process.env['STASIS_CONFIG'] ??= '/dev/null'

/**
 * Permissions of the tests: emulators out of the checkout, and machines whose files are in temporary directories. Loaded for its effect. A test of the
 * defaults removes the variable.
 */
process.env['STASIS_ALLOW'] ??= [
  `emulator:${cacheDir}`,
  `emulator:${process.env['STASIS_TEST_DIR'] ?? tmpdir()}`,
  `path:${process.env['STASIS_TEST_DIR'] ?? tmpdir()}`,
  `path:${cacheDir}`,
  // The disks of the fixtures, which real libvirt wrote.
  'path:/var/lib/libvirt/images',
].join(',')
