/*
 * A PKCS#11 module that stands before a real one (SHIM_MODULE) and, as the file SHIM_CONTROL says at that moment, does
 * to chosen calls what modules in the field do. One line: FUNCTION ACTION [NUMBER]. Without the file it only passes on.
 *
 *   error <ckr>   answers that code, without asking the real module; 0 is CKR_OK
 *   flip          turns one bit of the signature
 *   hang <ms>     sleeps, then goes on
 *   hold          waits until the file is gone or says another thing, then goes on; SHIM_CONTROL.held is there meanwhile
 *   crash         aborts the process
 *   kill          ends the process as SIGKILL from outside does at this moment
 *   flags <bits>  says so of the token, too (C_GetTokenInfo)
 *   longest-pin <characters>  says so of the token (C_GetTokenInfo), and takes no longer one when it is made (C_InitToken)
 *   logout        logs the user out first, as another part of the process might (C_Logout)
 *   close         closes the session first (C_CloseSession)
 *   strip <type>  leaves that attribute out of the private key's template (C_GenerateKeyPair)
 *   reinitialise  finalises and initialises the module first, under the feet of whoever uses it
 */
#define CK_PTR *
#define CK_DECLARE_FUNCTION(returnType, name) returnType name
#define CK_DECLARE_FUNCTION_POINTER(returnType, name) returnType(*name)
#define CK_CALLBACK_FUNCTION(returnType, name) returnType(*name)
#ifndef NULL_PTR
#define NULL_PTR 0
#endif
#include "pkcs11.h"
#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static CK_FUNCTION_LIST_PTR real;
static CK_FUNCTION_LIST shim;

/* What the control file says; gives how many of the three fields are there. */
static int readControl(const char *path, char name[64], char action[32], unsigned long *number) {
  FILE *file = path == NULL ? NULL : fopen(path, "r");
  if (file == NULL) return 0;
  int fields = fscanf(file, "%63s %31s %li", name, action, (long *)number);
  fclose(file);
  return fields;
}

static void hold(const char *path, const char *function) {
  char held[4096], name[64] = "", action[32] = "";
  unsigned long number;
  snprintf(held, sizeof held, "%s.held", path);
  FILE *file = fopen(held, "w");
  if (file != NULL) fclose(file);
  while (readControl(path, name, action, &number) >= 2 && strcmp(name, function) == 0 && strcmp(action, "hold") == 0)
    usleep(10000);
  unlink(held);
}

/* Gives whether the call is to be answered with *answer at once; *flip: whether its signature is to be spoilt. */
static int strike(const char *function, CK_SESSION_HANDLE session, CK_RV *answer, int *flip) {
  const char *path = getenv("SHIM_CONTROL");
  char name[64] = "", action[32] = "";
  unsigned long number = 0;
  *flip = 0;
  if (readControl(path, name, action, &number) < 2 || strcmp(name, function) != 0) return 0;
  if (strcmp(action, "error") == 0) {
    *answer = number;
    return 1;
  }
  if (strcmp(action, "flip") == 0) *flip = 1;
  if (strcmp(action, "hang") == 0) usleep(number * 1000);
  if (strcmp(action, "hold") == 0) hold(path, function);
  if (strcmp(action, "crash") == 0) abort();
  if (strcmp(action, "kill") == 0) raise(SIGKILL);
  if (strcmp(action, "logout") == 0) real->C_Logout(session);
  if (strcmp(action, "close") == 0) real->C_CloseSession(session);
  if (strcmp(action, "reinitialise") == 0) {
    CK_C_INITIALIZE_ARGS locking = {0};
    locking.flags = CKF_OS_LOCKING_OK;
    real->C_Finalize(NULL_PTR);
    real->C_Initialize(&locking);
  }
  return 0;
}

static CK_RV shimSign(CK_SESSION_HANDLE session, CK_BYTE_PTR data, CK_ULONG length, CK_BYTE_PTR out, CK_ULONG_PTR size) {
  CK_RV answer;
  int flip;
  if (strike("C_Sign", session, &answer, &flip)) return answer;
  answer = real->C_Sign(session, data, length, out, size);
  if (answer == CKR_OK && flip && out != NULL && *size > 20) out[20] ^= 1;
  return answer;
}

static CK_RV shimSignInit(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE key) {
  CK_RV answer;
  int flip;
  if (strike("C_SignInit", session, &answer, &flip)) return answer;
  return real->C_SignInit(session, mechanism, key);
}

static CK_RV shimLogin(CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_CHAR_PTR pin, CK_ULONG length) {
  CK_RV answer;
  int flip;
  if (strike("C_Login", session, &answer, &flip)) return answer;
  return real->C_Login(session, user, pin, length);
}

static int toStrip(unsigned long *type) {
  char name[64] = "", action[32] = "";
  return readControl(getenv("SHIM_CONTROL"), name, action, type) == 3 && strcmp(name, "C_GenerateKeyPair") == 0 &&
         strcmp(action, "strip") == 0;
}

static CK_RV shimGenerateKeyPair(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_ATTRIBUTE_PTR publicTemplate,
                                 CK_ULONG publicCount, CK_ATTRIBUTE_PTR privateTemplate, CK_ULONG privateCount,
                                 CK_OBJECT_HANDLE_PTR publicKey, CK_OBJECT_HANDLE_PTR privateKey) {
  CK_RV answer;
  int flip;
  if (strike("C_GenerateKeyPair", session, &answer, &flip)) return answer;
  CK_ATTRIBUTE kept[32];
  unsigned long stripped;
  if (privateCount <= 32 && toStrip(&stripped)) {
    CK_ULONG count = 0;
    for (CK_ULONG place = 0; place < privateCount; place++)
      if (privateTemplate[place].type != stripped) kept[count++] = privateTemplate[place];
    privateTemplate = kept;
    privateCount = count;
  }
  return real->C_GenerateKeyPair(session, mechanism, publicTemplate, publicCount, privateTemplate, privateCount,
                                 publicKey, privateKey);
}

static CK_RV shimCreateObject(CK_SESSION_HANDLE session, CK_ATTRIBUTE_PTR template, CK_ULONG count,
                              CK_OBJECT_HANDLE_PTR object) {
  CK_RV answer;
  int flip;
  if (strike("C_CreateObject", session, &answer, &flip)) return answer;
  return real->C_CreateObject(session, template, count, object);
}

static CK_RV shimDestroyObject(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object) {
  CK_RV answer;
  int flip;
  if (strike("C_DestroyObject", session, &answer, &flip)) return answer;
  return real->C_DestroyObject(session, object);
}

static CK_RV shimGetTokenInfo(CK_SLOT_ID slot, CK_TOKEN_INFO_PTR info) {
  char name[64] = "", action[32] = "";
  unsigned long number = 0;
  CK_RV answer = real->C_GetTokenInfo(slot, info);
  if (answer != CKR_OK || readControl(getenv("SHIM_CONTROL"), name, action, &number) != 3 ||
      strcmp(name, "C_GetTokenInfo") != 0)
    return answer;
  if (strcmp(action, "flags") == 0) info->flags |= number;
  if (strcmp(action, "longest-pin") == 0) info->ulMaxPinLen = number;
  return answer;
}

static CK_RV shimInitToken(CK_SLOT_ID slot, CK_UTF8CHAR_PTR pin, CK_ULONG length, CK_UTF8CHAR_PTR label) {
  CK_TOKEN_INFO info;
  CK_RV answer = shimGetTokenInfo(slot, &info);
  if (answer != CKR_OK) return answer;
  return length > info.ulMaxPinLen ? CKR_PIN_LEN_RANGE : real->C_InitToken(slot, pin, length, label);
}

CK_RV C_GetFunctionList(CK_FUNCTION_LIST_PTR_PTR list) {
  if (real == NULL) {
    void *library = dlopen(getenv("SHIM_MODULE"), RTLD_NOW);
    CK_C_GetFunctionList get = library == NULL ? NULL : (CK_C_GetFunctionList)dlsym(library, "C_GetFunctionList");
    if (get == NULL || get(&real) != CKR_OK) return CKR_GENERAL_ERROR;
    shim = *real;
    shim.C_Sign = shimSign;
    shim.C_SignInit = shimSignInit;
    shim.C_Login = shimLogin;
    shim.C_GenerateKeyPair = shimGenerateKeyPair;
    shim.C_CreateObject = shimCreateObject;
    shim.C_DestroyObject = shimDestroyObject;
    shim.C_GetTokenInfo = shimGetTokenInfo;
    shim.C_InitToken = shimInitToken;
  }
  *list = &shim;
  return CKR_OK;
}
