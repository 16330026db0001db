import { Module } from '@nestjs/common';
import { CONFIG, type Config } from '../config.js';
import { SignersService } from './signers.service.js';

/** The way to the signers: mutual TLS with pinned certificates. */
@Module({
  providers: [
    {
      provide: SignersService,
      inject: [CONFIG],
      useFactory: ({ signers, tls, signerTimeoutMs }: Config) =>
        new SignersService({ signers, tls, timeoutMs: signerTimeoutMs }),
    },
  ],
  exports: [SignersService],
})
export class SignersModule {}
