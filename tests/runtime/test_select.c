#include "csv.h"
#include "sample.h"

static NnrtTable table(const char *text)
{
    NnrtError e;
    NnrtTable t;
    cr_assert(nnrt_csv_parse("t.csv", text, strlen(text), NULL, &t, &e), "%s", e.message);
    return t;
}

Test(select, the_last_column_is_the_target)
{
    NnrtError e;
    NnrtDataset d;
    NnrtTable t = table("x,colour,kind\n1,red,b\n2,blue,a\n");
    cr_assert(nnrt_table_select(&t, NULL, &d, &e), "%s", e.message);
    const NnrtField *input = nnrt_dataset_field(&d, "input");
    const NnrtField *target = nnrt_dataset_field(&d, "target");
    cr_expect(d.rows == 2 && input->rank == 1 && input->dims[0] == 3);
    cr_expect_arr_eq(input->data, ((float[]){1, 0, 1, 2, 1, 0}), 24);
    cr_expect_str_eq(input->columns[0], "x");
    cr_expect_str_eq(input->columns[1], "colour=blue");
    cr_expect(target->dtype == NNRT_I32 && target->rank == 0 && target->class_count == 2);
    cr_expect_arr_eq(target->data, ((int32_t[]){1, 0}), 8);
    cr_expect_str_eq(target->classes[1], "b");
    nnrt_dataset_free(&d);
    nnrt_table_free(&t);
}

Test(select, several_targets)
{
    NnrtError e;
    NnrtDataset d;
    NnrtTable t = table("id,x,y,z,kind\nr1,1,2,3,b\nr2,4,5,6,a\n");
    const char *const numeric[] = {"z", "x"}, *const mixed[] = {"z", "kind"}, *const id[] = {"id"};
    NnrtSelect s = {.targets = numeric, .target_count = 2, .ignored = id, .ignored_count = 1};
    cr_assert(nnrt_table_select(&t, &s, &d, &e));
    cr_expect_arr_eq(nnrt_dataset_field(&d, "target")->data, ((float[]){3, 1, 6, 4}), 16);
    cr_expect_eq(nnrt_dataset_field(&d, "input")->width, 3);
    nnrt_dataset_free(&d);
    s.targets = mixed;
    cr_assert(nnrt_table_select(&t, &s, &d, &e));
    cr_expect(d.field_count == 3 && nnrt_dataset_field(&d, "z")->width == 1);
    cr_expect_eq(nnrt_dataset_field(&d, "kind")->class_count, 2);
    nnrt_dataset_free(&d);
    nnrt_table_free(&t);
}

Test(select, refusals)
{
    NnrtError e;
    NnrtDataset d;
    NnrtTable t = table("x,y\n1,2\n");
    const char *const unknown[] = {"q"}, *const twice[] = {"x", "x"}, *const both[] = {"x", "y"};
    cr_expect_not(nnrt_table_select(&t, &(NnrtSelect){unknown, 1, 0, 0, 0}, &d, &e));
    expect_error(&e, "t.csv: there is no column q");
    cr_expect_str_eq(e.help, "the columns are x, y");
    cr_expect_not(nnrt_table_select(&t, &(NnrtSelect){twice, 2, 0, 0, 0}, &d, &e));
    expect_error(&e, "x is named twice as a target");
    cr_expect_not(nnrt_table_select(&t, &(NnrtSelect){both, 2, 0, 0, 0}, &d, &e));
    expect_error(&e, "no column is left for the input");
    cr_expect_not(nnrt_table_select(&t, &(NnrtSelect){both, 1, both, 1, 0}, &d, &e));
    expect_error(&e, "x is a target and ignored");
    cr_assert(nnrt_table_select(&t, &(NnrtSelect){unknown, 1, 0, 0, true}, &d, &e));
    cr_expect(d.field_count == 1 && d.fields[0].width == 2);
    nnrt_dataset_free(&d);
    nnrt_table_free(&t);
}

Test(select, too_many_classes)
{
    NnrtError e;
    NnrtDataset d;
    char text[20000] = "name,y\n";
    for (int i = 0; i <= 1024; i++)
        sprintf(text + strlen(text), "n%d,1\n", i);
    NnrtTable t = table(text);
    cr_expect_not(nnrt_table_select(&t, NULL, &d, &e));
    expect_error(&e, "column name has 1025 different texts; an input has at most 1024");
    nnrt_table_free(&t);
}

Test(select, allocation_failures)
{
    NnrtError e;
    NnrtDataset d;
    NnrtTable t = table("x,colour,kind\n1,red,b\n2,blue,a\n");
    SWEEP_ALLOCATIONS(nnrt_table_select(&t, NULL, &d, &e), &e);
    nnrt_dataset_free(&d);
    nnrt_table_free(&t);
}
