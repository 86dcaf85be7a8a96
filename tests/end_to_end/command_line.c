// command_line.c -- options, exit codes, streams.

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "end_to_end/harness.h"

static const char MODEL[] = "model m {\n    input x[4]\n    dense(3)\n}\n";

static const struct {
    const char *args[8], *words;
} usage_errors[] = {
    {{NULL}, "which model"},
    {{"--train"}, "nnc MODEL.nn --train"},
    {{"m.nn", "--trian"}, "did you mean --train?"},
    {{"m.nn", "--tra"}, "there is no option --tra"},
    {{"m.nn", "-z"}, "there is no option -z"},
    {{"m.nn", "--train", "--eval"}, "--train and --eval"},
    {{"m.nn", "n.nn"}, "one file at a time"},
    {{"m.nn", "--train=3"}, "takes no argument"},
    {{"m.nn", "--set"}, "needs an argument"},
    {{"m.nn", "--set", "width"}, "NAME=VALUE"},
    {{"m.nn", "--seed", "-1"}, "whole number from 0"},
    {{"m.nn", "--seed", "99999999999999999999"}, "whole number"},
    {{"m.nn", "--threads", "0"}, "whole number from 1"},
    {{"m.nn", "--threads", "1000000"}, "at most"},
    {{"m.nn", "--eval", "--examples", "3"}, "--examples is for --verify"},
    {{"m.nn", "--emit-c", "m.h", "-o", "n.h"}, "--output does not go with it"},
    {{"m.nn", "--emit", "obj", "-o", "-"}, "--output takes a name"},
    {{"m.nn", "--verify", "--examples", "99999999999"}, "at most"},
    {{"m.nn", "--eval", "--save-every", "3"}, "--save-every is for --train"},
    {{"m.nn", "--log", "log"}, "--log is for --train"},
    {{"m.nn", "--eval", "--format", "json"}, "--format is for --predict"},
    {{"m.nn", "--eval", "-o", "out"}, "--output is for --train, --predict, --emit and --doc"},
    {{"m.nn", "--weights", "w"}, "--weights is for --train, --eval, --predict, --emit-c"},
    {{"--doc", "dense", "--with-training"}, "--with-training is for --emit-c"},
    {{"m.nn", "--emit", "obj", "--target", "riscv32"}, "did you mean riscv32-unknown-elf?"},
    {{"m.nn", "--emit", "asm", "--target", "x86-64-linux-gnu"}, "did you mean x86_64-linux-gnu?"},
    {{"m.nn", "--emit", "obj", "--target", "riscv32-unknown-elf", "--cpu", "rv32imafd"},
     "did you mean rv32imafc?"},
    {{"m.nn", "--color", "blue"}, "auto|always|never"},
    {{"m.nn", "--emit", "jpeg"}, "no stage jpeg"},
    {{"m.nn", "--dump", "nothing"}, "no pass"},
    {{"m.nn", "--no-warn", "nothing"}, "no warning"},
};

Test(command_line, what_is_wrong_with_it)
{
    char *folder = folder_new();
    write_text(folder, "m.nn", MODEL);
    for (size_t i = 0; i < sizeof usage_errors / sizeof *usage_errors; i++) {
        Run r = run_nnc(folder, usage_errors[i].args);
        cr_expect_eq(r.code, 2, "%s: exit code %d", usage_errors[i].words, r.code);
        cr_expect(strstr(r.err, usage_errors[i].words), "'%s' is missing from %s",
                  usage_errors[i].words, r.err);
        cr_expect_str_eq(r.out, "");
        run_free(&r);
    }
    folder_free(folder);
}

Test(command_line, help_and_version_win)
{
    char *folder = folder_new();
    Run help = NNC(folder, "--train", "--help");
    cr_expect_eq(help.code, 0);
    cr_expect(strstr(help.out, "--check-gradients") && !strstr(help.out, "--engine"));
    Run version = NNC(folder, "--version");
    cr_expect_eq(version.code, 0);
    cr_expect(strncmp(version.out, "nnc ", 4) == 0, "%s", version.out);
    run_free(&help);
    run_free(&version);
    folder_free(folder);
}

static int run_to_full(const char *folder, const char *command)
{
    char *line = NULL;
    cr_assert(asprintf(&line, "%s/nnc %s > /dev/full", BUILD_DIR, command) > 0);
    Run r = run_program(folder, "/bin/sh", (const char *const[]){"-c", line, NULL});
    const int code = r.code;
    cr_expect(strstr(r.err, "standard output"), "%s", r.err);
    run_free(&r);
    free(line);
    return code;
}

Test(command_line, a_full_standard_output_is_an_error)
{
    char *folder = folder_new();
    write_text(folder, "m.nn", MODEL);
    cr_expect_eq(run_to_full(folder, "m.nn"), 1);
    cr_expect_eq(run_to_full(folder, "--help"), 1);
    cr_expect_eq(run_to_full(folder, "m.nn --emit ir"), 1);
    folder_free(folder);
}

Test(command_line, a_summary)
{
    char *folder = folder_new();
    write_text(folder, "m.nn", MODEL);
    Run r = NNC(folder, "m.nn");
    cr_expect_eq(r.code, 0, "%s", r.err);
    cr_expect_str_eq(r.err, "");
    cr_expect(strstr(r.out, "dense(3)") && strstr(r.out, "[3]") && strstr(r.out, "15 trained"),
              "%s", r.out);
    // A product of 4 with 4 by 3, and the bias: 2 * 12 + 3.
    cr_expect(strstr(r.out, "27 FLOPs"), "%s", r.out);
    run_free(&r);
    folder_free(folder);
}

Test(command_line, a_let_is_set)
{
    char *folder = folder_new();
    write_text(folder, "m.nn", "let n = 3\nmodel m {\n    input x[4]\n    dense(n)\n}\n");
    Run r = NNC(folder, "m.nn", "--set", "n=7");
    cr_expect_eq(r.code, 0, "%s", r.err);
    cr_expect(strstr(r.out, "[7]"), "%s", r.out);
    run_free(&r);
    r = NNC(folder, "m.nn", "--set", "m=7");
    cr_expect_eq(r.code, 1, "%s", r.err);
    run_free(&r);
    folder_free(folder);
}

Test(command_line, colour)
{
    char *folder = folder_new();
    write_text(folder, "m.nn", MODEL);
    Run plain = NNC(folder, "m.nn");
    Run colored = NNC(folder, "m.nn", "--color", "always");
    cr_expect(!strchr(plain.out, '\033'));
    cr_expect(strchr(colored.out, '\033'));
    run_free(&plain);
    run_free(&colored);
    folder_free(folder);
}

Test(command_line, graphs_as_text)
{
    char *folder = folder_new();
    write_text(folder, "m.nn", MODEL);
    Run r = NNC(folder, "m.nn", "--emit", "ir");
    Run file = NNC(folder, "m.nn", "--emit", "ir", "-o", "m.ir");
    char *written = read_bytes(folder, "m.ir", NULL);
    cr_expect_eq(r.code, 0);
    cr_expect(strncmp(r.out, "graph predict {", 15) == 0, "%s", r.out);
    cr_assert(written);
    cr_expect_str_eq(r.out, written);
    free(written);
    run_free(&r);
    run_free(&file);
    folder_free(folder);
}

Test(command_line, every_stage_can_be_seen)
{
    static const char *const stages[][2] = {
        {"kernels", "kernel 0"}, {"llvm", "define "}, {"asm", ".text"}};
    char *folder = folder_new();
    write_text(folder, "m.nn", MODEL);
    for (size_t i = 0; i < sizeof stages / sizeof *stages; i++) {
        Run r = NNC(folder, "m.nn", "--emit", stages[i][0]);
        cr_expect_eq(r.code, 0, "%s", r.err);
        cr_expect(strstr(r.out, stages[i][1]), "%s: %.300s", stages[i][0], r.out);
        run_free(&r);
    }
    folder_free(folder);
}

// 137 GFLOP an example: 64 of them would be measured for minutes.
Test(command_line, kernels_that_take_long_are_announced_and_run_with_fewer_examples)
{
    char *folder = folder_new();
    write_text(folder, "m.nn", "model m { input x[4096, 4096]; dense(4096) }\n");
    Run r = NNC(folder, "m.nn", "--emit", "kernels");
    cr_expect_eq(r.code, 0, "%s", r.err);
    cr_expect(strstr(r.err, "measuring the kernels of predict: 275 GFLOP a run at batch 2, "), "%s",
              r.err);
    cr_expect(strstr(r.out, " at batch 2; "), "%.300s", r.out);
    run_free(&r);
    write_text(folder, "m.nn", MODEL);
    r = NNC(folder, "m.nn", "--emit", "kernels");
    cr_expect(!strstr(r.err, "measuring") && strstr(r.out, " at batch 64; "), "%s", r.err);
    run_free(&r);
    folder_free(folder);
}

Test(command_line, a_kernel_has_the_name_of_its_layer)
{
    char *folder = folder_new();
    write_text(folder, "m.nn", "model m { input x[4]; dense(3); it * 100 }\n");
    Run r = NNC(folder, "m.nn", "--emit", "kernels");
    cr_expect(strstr(r.out, ": contract dense  ("), "%s", r.out);
    run_free(&r);
    folder_free(folder);
}

Test(command_line, passes_are_shown_on_request)
{
    char *folder = folder_new();
    write_text(folder, "m.nn", MODEL);
    Run dump = NNC(folder, "m.nn", "--dump", "dce");
    cr_expect_eq(dump.code, 0);
    cr_expect(strstr(dump.err, "graph predict {"), "%s", dump.err);
    Run time = NNC(folder, "m.nn", "--time-passes");
    cr_expect_eq(time.code, 0);
    cr_expect(strstr(time.err, "simplify"), "%s", time.err);
    Run stop = NNC(folder, "m.nn", "--stop-after", "simplify", "--time-passes");
    cr_expect_eq(stop.code, 0);
    cr_expect(strstr(time.err, " dce") && !strstr(stop.err, " dce"), "%s", stop.err);
    run_free(&dump);
    run_free(&time);
    run_free(&stop);
    folder_free(folder);
}

Test(command_line, documentation)
{
    char *folder = folder_new();
    Run r = NNC(folder, "--doc", "dense");
    cr_expect_eq(r.code, 0);
    cr_expect(strstr(r.out, "units"), "%s", r.out);
    Run none = NNC(folder, "--doc", "dens");
    cr_expect_eq(none.code, 1);
    Run crop = NNC(folder, "--doc", "crop");
    cr_expect_eq(crop.code, 0);
    cr_expect(strstr(crop.out, "crop(pad = 4, fill = \"zero\")"), "%s", crop.out);
    Run source = NNC(folder, "--doc", "npz");
    cr_expect_eq(source.code, 0);
    cr_expect(strstr(source.out, "npz(file, input, target"), "%s", source.out);
    run_free(&r);
    run_free(&none);
    run_free(&crop);
    run_free(&source);
    folder_free(folder);
}
