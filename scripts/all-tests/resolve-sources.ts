/**
 * Loaded before a test file (`--import`): resolves the relative imports of TypeScript files without looking at the disk. A test process imports hundreds of
 * files; this saves a third of the time that it takes.
 */
import { registerHooks } from 'node:module'

registerHooks({
  resolve: (specifier, context, next) =>
    /^\.\.?\/.*\.ts$/.test(specifier) && context.parentURL !== undefined
      ? {
          url: new URL(specifier, context.parentURL).href,
          format: 'module-typescript',
          shortCircuit: true,
        }
      : next(specifier, context),
})
